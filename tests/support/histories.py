"""Histories of made-up users."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import strategies as st

from models.feedback.events import Browse, Event, Play, Rate
from models.feedback.history import EMPTY_HISTORY, History
from models.feedback.video_index import VideoIndex

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def history_of(*deeds: tuple[str, str, float]) -> History:
    """Deeds are (kind, video, value), one second apart."""
    return EMPTY_HISTORY.apply([event_of(second, *deed) for second, deed in enumerate(deeds)], 1000)


def event_of(second: int, kind: str, video: str, value: float) -> Event:
    common = {"event_id": f"e{second}", "user_id": "u", "video_id": video, "ts": NOON + timedelta(seconds=second)}
    if kind == "play":
        return Play(**common, seconds_watched=value)  # type: ignore[arg-type]
    if kind == "rate":
        return Rate(**common, rating=value)  # type: ignore[arg-type]
    return Browse(**common, action=kind)  # type: ignore[arg-type]


def liked(*videos: str) -> History:
    return history_of(*[("rate", video, 5) for video in videos])


def users(seed: int, count: int, n_videos: int = 60) -> list[History]:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 9, count)
    return [history_of(*[("rate", f"v{v}", 5) for v in rng.choice(n_videos, size, replace=False)]) for size in sizes]


INDEX = VideoIndex("abcd")

deeds_of_users = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(["play", "rate", "view", "list_add", "list_remove", "dismiss"]),
            st.sampled_from([*INDEX, "unknown"]),
            st.sampled_from([0.5, 2.0, 3.0, 4.5]),
        ),
        max_size=12,
    ),
    max_size=6,
)
