"""Prequential evaluation: each liked video is first a question to the rankings, then an event they learn from.

The events after a training cut are replayed in the order of their time. A rating of at least `LIKE_RATING` of a video
that the model knows and that the user has not seen asks four rankings at which rank they have that video among all
that the user has not seen. Then the event is applied, as a worker would (Gama, Sebastiao and Rodrigues 2013, "On
evaluating stream learning algorithms": test, then train).

``popular`` ranks by all plays and likes so far, ``popular_10_days`` by those of the last 10 days of event time (equal
counts, of which there are many in so few days, by all so far: a stronger opponent than one that ties), ``frozen`` by
the user factors at the cut, ``nearline`` by the user factors solved from the history so far; the video factors of both
are the same. A user without factors gets ``popular``, as the query view does it. Histories, solver, scores and counts
are the production code.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.evaluation.ranking_metrics import ndcg_at_k, pessimistic_ranks, recall_at_k
from models.factorization.factor_model import FactorModel
from models.feedback.confidence import KnownFacts
from models.feedback.events import Event, Rate
from models.feedback.history import EMPTY_HISTORY, History
from models.feedback.popularity import PopularityCounts, counts_as_popular, event_day, event_region
from models.inference.recommend import solve_histories
from models.names import LIKE_RATING
from models.numerics.scoring import score_videos

RANKINGS: Final = ("popular", "popular_10_days", "frozen", "nearline")
RECENT_DAYS: Final = 10


@dataclass(frozen=True, slots=True)
class PrequentialRanks:
    """The answers.

    Parameters
    ----------
    ranks
        For each of `RANKINGS` the rank of the video of each question, in order, from 0; a tie counts against it.
    """

    ranks: Mapping[str, tuple[int, ...]]

    @property
    def questions(self) -> int:
        """Number of questions."""
        return len(self.ranks["nearline"])

    def recall(self, k: int) -> dict[str, float]:
        """Return the mean recall@k over the questions by ranking, 0 to 1; NaN without questions."""
        return {name: _mean([recall_at_k([rank], k) for rank in ranks]) for name, ranks in self.ranks.items()}

    def ndcg(self, k: int) -> dict[str, float]:
        """Return the mean nDCG@k over the questions by ranking, 0 to 1; NaN without questions."""
        return {name: _mean([ndcg_at_k([rank], k) for rank in ranks]) for name, ranks in self.ranks.items()}


def evaluate_prequentially(
    model: FactorModel,
    histories: Mapping[str, History],
    counts: PopularityCounts,
    events: Iterable[Event],
    history_limit: int,
    progress: Callable[[int], None] | None = None,
) -> PrequentialRanks:
    """Replay events against a model.

    Parameters
    ----------
    model
        Learned before the cut.
    histories
        By user id, at the cut; not modified.
    counts
        Popularity at the cut; the events are added to it.
    events
        What came after the cut, in the order of their time.
    history_limit
        Facts kept for each user.
    progress
        Called after each event with the number of events so far.

    Notes
    -----
    O(n_videos (k + log n_videos)) and one user solve for a question.
    """
    replay = _Replay(model, histories, counts, history_limit)
    for number, event in enumerate(events, start=1):
        replay.ask(event)
        replay.apply(event)
        if progress is not None:
            progress(number)
    return PrequentialRanks({name: tuple(ranks) for name, ranks in replay.ranks.items()})


class PopularScores:
    """`PopularityCounts` of all regions as scores of a model's videos, for a day that only moves forward.

    Counting all videos anew for each question would dominate the replay. Scores are taken from the counts when the day
    changes, and in between each event adds its 1, as it does there.
    """

    def __init__(self, counts: PopularityCounts, index: Mapping[str, int], days: int | None) -> None:
        self._counts = counts
        self._index = index
        self._days = days
        self._today: int | None = None
        self._scores = np.zeros(len(index))

    def at(self, day: int) -> NDArray[np.float64]:
        """Return the counts of the window that ends with `day`, float64 (n_videos,); read only."""
        stale = self._today is None if self._days is None else day != self._today
        if stale:
            self._scores[:] = 0
            for video, count in self._counts.top(None, self._days, limit=sys.maxsize, today=day):
                if (row := self._index.get(video)) is not None:
                    self._scores[row] = count
            self._today = day
        return self._scores

    def added(self, video: str, day: int) -> None:
        """Take note that the counts of a video grew by 1 on `day`."""
        row = self._index.get(video)
        if row is not None and self._today is not None and (self._days is None or day > self._today - self._days):
            self._scores[row] += 1


class _Replay:
    """The state between two events."""

    def __init__(
        self, model: FactorModel, histories: Mapping[str, History], counts: PopularityCounts, history_limit: int
    ) -> None:
        self._model = model
        self._histories = dict(histories)
        self._counts = counts
        self._limit = history_limit
        self._popular = PopularScores(counts, model.index, None)
        self._recent = PopularScores(counts, model.index, RECENT_DAYS)
        self._frozen = dict(zip(histories, solve_histories(model, list(histories.values())), strict=True))
        self.ranks: dict[str, list[int]] = {name: [] for name in RANKINGS}

    def ask(self, event: Event) -> None:
        if not isinstance(event, Rate) or event.rating < LIKE_RATING:
            return
        history = self._histories.get(event.user_id, EMPTY_HISTORY)
        known = KnownFacts.of([history], self._model.index)
        target, excluded = self._model.index.get(event.video_id), known.rows[known.seen]
        if target is None or target in excluded:
            return
        for name, scores in self._scores(event, history).items():
            self.ranks[name].append(int(pessimistic_ranks(scores, [target], excluded)[0]))

    def apply(self, event: Event) -> None:
        history = self._histories.get(event.user_id, EMPTY_HISTORY)
        self._histories[event.user_id] = history.apply([event], self._limit)
        if counts_as_popular(event):
            day = event_day(event)
            self._counts.add(event_region(event), day, event.video_id)
            self._popular.added(event.video_id, day)
            self._recent.added(event.video_id, day)

    def _scores(self, event: Event, history: History) -> dict[str, NDArray[Any]]:
        day = event_day(event)
        popular = self._popular.at(day)
        return {
            "popular": popular,
            "popular_10_days": self._recent.at(day) + popular / (1.0 + popular.max()),
            "frozen": self._factor_scores(self._frozen.get(event.user_id), popular),
            "nearline": self._factor_scores(solve_histories(self._model, [history])[0], popular),
        }

    def _factor_scores(self, user_factors: NDArray[np.float32] | None, popular: NDArray[np.float64]) -> NDArray[Any]:
        if user_factors is None or not user_factors.any():
            return popular
        scores: NDArray[np.float32] = score_videos(user_factors[np.newaxis], self._model.factors)[0]
        return scores


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
