"""What every side of a comparison gets: one model, users with histories, events."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from agents.users.user_state import UserState
from models.artifacts.artifact import version_name
from models.factorization.factor_model import FactorModel
from models.factorization.model_description import ModelDescription
from models.feedback.confidence import ConfidenceRule
from models.feedback.events import Rate, encode_event
from models.feedback.facts import FACT, Kind
from models.feedback.history import History
from models.numerics.scoring import TopN
from tests.benchmarks.plain_scores import PARAMETERS

START = datetime(2026, 1, 1, tzinfo=UTC)
Record = tuple[bytes, bytes]
"""Key and value of a Kafka record."""


def random_model(n_videos: int, n_factors: int, seed: int = 1) -> FactorModel:
    """Return a model of random factors, scaled so that scores are about 1."""
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((n_videos, n_factors), np.float32)
    factors *= np.float32(n_factors**-0.5)
    return FactorModel.build(
        region="global",
        version=version_name(START, factors),
        video_ids=tuple(f"v{row}" for row in range(n_videos)),
        factors=factors,
        popularity=np.ones(n_videos, np.float32),
        description=ModelDescription(confidence=ConfidenceRule(), solver=PARAMETERS),
    )


def user_id(number: int) -> str:
    """Return the id of a user."""
    return f"u{number:08d}"


class EventIds:
    """The one source of event ids of a run: each series numbers the users of its events, and no series comes twice.

    Events of one id are repeats for a worker that has applied the first of them, and change nothing.
    """

    def __init__(self) -> None:
        self._series = 0

    def series(self) -> str:
        """Return what the ids of a new series begin with."""
        self._series += 1
        return f"e{self._series}-"


def event(number: int, video: int, series: str) -> Rate:
    """Return the one event of a user in a series: a good rating."""
    moment = START + timedelta(milliseconds=number)
    return Rate(
        event_id=f"{series}{number}", user_id=user_id(number), video_id=f"v{video}", ts=moment, rating=5.0, device="tv"
    )


def event_records(first: int, count: int, n_videos: int, series: str, seed: int = 2) -> Iterator[Record]:
    """Yield one event each of the users `first`..., as records of a series of ids; videos depend on the seed alone."""
    videos = np.random.default_rng(seed).integers(0, n_videos, count).tolist()
    for number, video in enumerate(videos, first):
        made = event(number, video, series)
        yield made.user_id.encode(), encode_event(made)


def histories(count: int, facts: int, n_videos: int, seed: int = 3) -> list[History]:
    """Return histories of so many good ratings of distinct videos, all older than the events."""
    rng = np.random.default_rng(seed)
    return [_history(rng, facts, n_videos) for _ in range(count)]


def histories_before(users: int, facts: int, n_videos: int) -> list[History]:
    """Return the histories that the users of the events have before them: user `i` has that of ``i`` modulo the length.

    A thousand different ones at most: every side of a comparison gets these.
    """
    return histories(min(1000, users), facts, n_videos)


def _history(rng: np.random.Generator, facts: int, n_videos: int) -> History:
    videos = _distinct(rng, facts, n_videos)
    made = np.empty(facts, FACT)
    made["ts"] = int(START.timestamp() * 1000) - 1000 * np.arange(facts, 0, -1)
    made["tie"] = np.arange(facts)
    made["value"] = 5.0
    made["kind"] = Kind.RATE
    return History.of(made, [f"v{video}" for video in videos.tolist()], None)


def _distinct(rng: np.random.Generator, count: int, n: int) -> NDArray[np.int64]:
    """Return `count` distinct numbers below `n` in random order; quick where `n` is much larger."""
    drawn = np.empty(0, np.int64)
    while len(drawn) < count:
        drawn = np.unique(np.concatenate([drawn, rng.integers(0, n, count)]))
    return rng.permutation(drawn)[:count]


def stored_state(history: History, model: FactorModel, top: TopN | None) -> UserState:
    """Return the state of a user as a worker would have stored it before any event of this run."""
    state = UserState(history, applied_offset=-1, recent=b"", written_at=int(START.timestamp() * 1000))
    return state if top is None else state.scored(model.id, top)
