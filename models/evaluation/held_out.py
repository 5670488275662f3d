"""Taking a liked video out of each user's history, to see where a version ranks it from the rest."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.factorization.factor_model import FactorModel
from models.feedback.confidence import KnownFacts
from models.feedback.history import History
from models.inference.recommend import solve_histories
from models.numerics.scoring import score_pairs


class HeldOut(NamedTuple):
    """Users from whose histories a video was taken.

    Parameters
    ----------
    users : tuple of int
        Their m positions among those who were asked for, ascending.
    videos : tuple of str
        The video of each.
    histories : tuple of History
        The history of each without that video.
    """

    users: tuple[int, ...]
    videos: tuple[str, ...]
    histories: tuple[History, ...]


def hold_out(first: FactorModel, second: FactorModel, histories: Sequence[History]) -> HeldOut:
    """Take out of each history the latest video that speaks for the user in both models.

    It is the one with the latest fact among the videos that have a confidence above 0 under the rules of both models. A
    user for whom there is none, or who would be left without a video of a confidence above 0 in one of the models, is
    left out: nothing would rank the video. Both models get the same questions. O(n) for the n facts of a history.
    """
    chosen: list[tuple[int, str, History]] = []
    liked = zip(_liked(first, histories), _liked(second, histories), strict=True)
    for user, (history, (one, other)) in enumerate(zip(histories, liked, strict=True)):
        video = next((video for video in reversed(history.videos) if video in one and video in other), None)
        if video is not None and min(len(one), len(other)) > 1:
            chosen.append((user, video, history.without(video)))
    users, videos, rest = zip(*chosen, strict=True) if chosen else ((), (), ())
    return HeldOut(users, videos, rest)


def percentile_ranks(model: FactorModel, held_out: HeldOut) -> list[float]:
    """Return where the model ranks each held-out video among the videos that its user has not seen: 0 first, 1 last.

    The rank is that of `models.evaluation.ranking_metrics`, a tie counts against the video, divided by the number of
    other candidates: the percentile rank of Hu, Koren and Volinsky 2008, eq. 8. It is 0 where there is no other
    candidate.

    Parameters
    ----------
    model : FactorModel
        One of the two that `hold_out` was given.
    held_out : HeldOut
        The m users.

    Raises
    ------
    SolveFailed
        A user's normal equations are not positive definite.

    Notes
    -----
    O(m n_videos k), one user at a time, so that equal videos tie and the order of the users does not matter.
    """
    user_factors = solve_histories(model, held_out.histories)
    known = KnownFacts.of(held_out.histories, model.index)
    is_seen, ranks = known.seen, []
    for user, (start, stop) in enumerate(pairwise(known.indptr.tolist())):
        seen = np.unique(known.rows[start:stop][is_seen[start:stop]])
        scores = score_pairs(user_factors[user], model.factors)
        ranks.append(_percentile_rank(scores, model.index[held_out.videos[user]], seen))
    return ranks


def _percentile_rank(scores: NDArray[np.float32], row: int, seen: NDArray[np.int32]) -> float:
    at_least = np.count_nonzero(scores >= scores[row]) - np.count_nonzero(scores[seen] >= scores[row])
    others = len(scores) - len(seen) - 1
    return (at_least - 1) / others if others else 0.0


def _liked(model: FactorModel, histories: Sequence[History]) -> list[frozenset[str]]:
    """Return the videos of each user that have a confidence above 0."""
    indptr, rows, _ = model.description.confidence.matrix(KnownFacts.of(histories, model.index))
    ids = [model.video_ids[row] for row in rows.tolist()]
    return [frozenset(ids[start:stop]) for start, stop in pairwise(indptr.tolist())]
