"""Events with a structure that a model must find."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from models.feedback.events import Event, Rate

START = datetime(2026, 1, 1, tzinfo=UTC)


def two_tastes(users: int = 12, videos: int = 8) -> Iterator[Event]:
    """Yield likes in time order: users of even number like ``x0, x1, ...``, all but one, the others ``y0, ...``."""
    ts = START
    for step in range(1, videos):
        for user in range(users):
            ts += timedelta(minutes=1)
            name = f"{'xy'[user % 2]}{(user + step) % videos}"
            yield Rate(event_id=f"{user}-{name}", user_id=f"user{user}", video_id=name, rating=5.0, ts=ts)
