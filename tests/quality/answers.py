"""What held-out people get to see, and what it is worth to them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.evaluation.ranking_metrics import NEVER, ndcg_at_k, pessimistic_ranks, recall_at_k
from models.factorization.factor_model import FactorModel
from models.inference.recommend import recommend, solve_histories
from tests.quality.folds import Fold, Person, folds
from tests.quality.learned import learned

LENGTH: Final = 100
METRICS: Final = ("recall@20", "recall@50", "ndcg@100")

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """Figures of each person, in the order of the folds' people; n of them.

    Attributes
    ----------
    metrics : float (n, 3)
        `METRICS`.
    preferred : float (n,)
        Which part of the pairs of a liked and a disliked video is scored in that order; NaN for who has no pair.
    """

    metrics: Values
    preferred: Values


@cache
def nearline(name: str, seed: int = 0) -> Answers:
    """Solve everybody from what is known, and look the liked videos up in the lists."""
    found = [_nearline(fold, learned(name, number, seed)) for number, fold in enumerate(folds(name))]
    return Answers(np.concatenate([one.metrics for one in found]), np.concatenate([one.preferred for one in found]))


@cache
def popular(name: str) -> Values:
    """Return `METRICS` of everybody for the product's list of what is popular."""
    return np.array([row for fold in folds(name) for row in _popular(fold)])


def lists_of(fold: Fold, model: FactorModel) -> list[list[str]]:
    """Return the lists of a fold's people, best first."""
    tops = recommend(model, [person.history for person in fold.people], LENGTH)
    return [[model.video_ids[row] for row in top.rows.tolist()] for top in tops]


def ranks_in(videos: Sequence[str], liked: Iterable[str]) -> list[int]:
    """Return where the liked videos stand in a list, from 0; `NEVER` for those that do not."""
    places = {video: place for place, video in enumerate(videos)}
    return [places.get(video, NEVER) for video in liked]


def user_ids(name: str) -> list[str]:
    """Return who is asked."""
    return [person.user_id for person in chain.from_iterable(fold.people for fold in folds(name))]


def _nearline(fold: Fold, model: FactorModel) -> Answers:
    lists = lists_of(fold, model)
    factors = solve_histories(model, [person.history for person in fold.people])
    return Answers(
        np.array([_metrics(ranks_in(found, one.liked)) for found, one in zip(lists, fold.people, strict=True)]),
        np.array([_preferred(one, model, factors[user]) for user, one in enumerate(fold.people)]),
    )


def _preferred(person: Person, model: FactorModel, user_factors: NDArray[np.float32]) -> float:
    liked, disliked = ([model.index[video] for video in part] for part in (person.liked, person.disliked))
    if not disliked:
        return float("nan")
    scores = model.factors @ user_factors
    return float(np.mean(scores[liked][:, None] > scores[disliked][None, :]))


def _popular(fold: Fold) -> list[list[float]]:
    videos = list(fold.likes)
    rows = {video: row for row, video in enumerate(videos)}
    top = dict(fold.population.popularity.top(None, None, 1 << 30, today=0))
    counts = np.array([top[video] for video in videos])
    asked = [([rows[video] for video in person.liked], person.known.keys()) for person in fold.people]
    return [
        _metrics(pessimistic_ranks(counts, liked, [rows[video] for video in seen if video in rows]).tolist())
        for liked, seen in asked
    ]


def _metrics(ranks: Sequence[int]) -> list[float]:
    return [recall_at_k(ranks, 20), recall_at_k(ranks, 50), ndcg_at_k(ranks, LENGTH)]
