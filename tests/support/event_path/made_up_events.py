"""Events of few users and videos, with many ties in time, and the bounds that tests keep of them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from agents.events.member_events import UserBounds
from models.feedback.events import Browse, Event, Play, Rate

NOW = datetime(2026, 6, 1, tzinfo=UTC)
BOUNDS = UserBounds(history_limit=5, recent_events=50)
STORED_SCORES = 10

users = st.sampled_from(["ann", "bob", "cleo"])
videos = st.sampled_from([f"v{number}" for number in range(8)])
moments = st.integers(0, 6).map(lambda hours: NOW - timedelta(hours=hours))
numbers = st.integers(0, 10**6).map(lambda number: f"e{number}")


def events() -> st.SearchStrategy[Event]:
    """Events of few users and videos, with many ties in time."""
    common: dict[str, Any] = {"event_id": numbers, "user_id": users, "video_id": videos, "ts": moments}
    return st.one_of(
        st.builds(Play, **common, seconds_watched=st.floats(1, 9000)),
        st.builds(Rate, **common, rating=st.sampled_from([0.5, 2.5, 4.0, 5.0])),
        st.builds(Browse, **common, action=st.sampled_from(["view", "list_add", "list_remove", "dismiss"])),
    )


PEOPLE = [f"person{'x' * (number % 2)}{number}" for number in range(40)]


def ratings(people: Sequence[str], region: str | None = None) -> list[Event]:
    """Two liked videos of each person; the later one in the list did it later."""
    return [
        Rate(
            event_id=f"{person}-{which}",
            user_id=person,
            video_id=f"v{(number * 7 + which * 3) % 40}",
            ts=NOW - timedelta(minutes=1000 - number),
            rating=5.0,
            region=region,
        )
        for number, person in enumerate(people)
        for which in range(2)
    ]
