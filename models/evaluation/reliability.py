"""Reliability: whether what a version scores higher is liked more often.

The users of `models.evaluation.held_out` are solved without the video that was held out. Each place of their lists is a
prediction, which came true where the place holds that video. The places of all users are put into ten groups by their
score, at the deciles of the scores; of each group the mean score stands beside the share of places that came true, as
in the reliability diagrams of Niculescu-Mizil and Caruana 2005, "Predicting Good Probabilities with Supervised
Learning".

One video in a user's list can come true, and of a list of k at most one place in k, so the share lies far below the
score: what to look for is that it rises with the score, and how far up.
"""

from collections.abc import Sequence
from math import fsum
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.evaluation.held_out import HeldOut
from models.evaluation.list_comparison import lists_of
from models.factorization.factor_model import FactorModel

GROUPS: Final = 10


class Reliability(NamedTuple):
    """A group of list places of about the same score.

    Parameters
    ----------
    score : float
        Mean score of the places.
    share : float
        Share of them that came true, 0 to 1.
    places : int
        How many there are, at least 1.
    """

    score: float
    share: float
    places: int


def reliability(scores: Sequence[float] | NDArray[Any], came_true: Sequence[bool]) -> list[Reliability]:
    """Group predictions at the deciles of their scores, the lowest first.

    Parameters
    ----------
    scores : float (n,)
        Finite.
    came_true : bool (n,)
        The outcome of each.

    Returns
    -------
    list of Reliability
        At most ten. Equal scores are in one group, so there are fewer where scores repeat; none for no predictions.

    Notes
    -----
    O(n log n). The order of the predictions does not matter.
    """
    values, outcomes = np.asarray(scores, np.float64), np.asarray(came_true, np.bool_)
    if not len(values):
        return []
    groups = np.searchsorted(np.quantile(values, np.arange(1, GROUPS) / GROUPS), values, side="right")
    found = []
    for group in np.unique(groups).tolist():
        chosen = groups == group
        places = int(np.count_nonzero(chosen))
        share = int(np.count_nonzero(outcomes[chosen])) / places
        found.append(Reliability(fsum(values[chosen].tolist()) / places, share, places))
    return found


def reliability_of(model: FactorModel, held_out: HeldOut, k: int) -> list[Reliability]:
    """Group the places of the k best of each user by their scores, and look for the video that was held out.

    Parameters
    ----------
    model : FactorModel
        One of the two that `hold_out` was given.
    held_out : HeldOut
        The users.
    k : int
        Places of a list, at least 1.

    Raises
    ------
    SolveFailed
        A user's normal equations are not positive definite.
    """
    scores: list[float] = []
    came_true: list[bool] = []
    for held, one in zip(held_out.videos, lists_of(model, held_out.histories, k), strict=True):
        scores += one.scores.tolist()
        came_true += [video == held for video in one.videos]
    return reliability(scores, came_true)
