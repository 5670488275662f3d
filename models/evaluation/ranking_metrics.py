"""Ranking metrics: how high the videos stand that a user turned to next.

Conventions, the same in every metric: ranks count from 0; relevance is 0 or 1; and *a tie never counts as a hit*, the
rank of a video is the number of **other** candidates whose score is at least its own. A model that gives all videos
one score thus ranks each of them last, and gets 0 instead of what chance or the order of rows would give it.

With ``R`` relevant videos at ranks ``r``::

    recall@k = |{r < k}| / min(R, k)
    nDCG@k   = sum_{r < k} 1 / log2(r + 2)  /  sum_{j < min(R, k)} 1 / log2(j + 2)

recall@k is divided by ``min(R, k)`` so that a perfect list gets 1 (Liang et al. 2018, "Variational Autoencoders for
Collaborative Filtering", section 4.2, which Rendle et al. 2021 follow); nDCG is that of Jarvelin and Kekalainen 2002
with base 2. With one relevant video recall@k is the hit rate and nDCG@k is ``1 / log2(r + 2)``.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

NEVER: Final = int(np.iinfo(np.int64).max)
"""The rank of a relevant video that is not a candidate: a miss for every k."""


def pessimistic_ranks(
    scores: NDArray[Any], relevant: ArrayLike, excluded: ArrayLike | None = None
) -> NDArray[np.int64]:
    """Return the rank of each relevant video among the candidates of one user, from 0, in the order given.

    Parameters
    ----------
    scores : float (n_videos,)
        One user's scores. NaN is refused.
    relevant : int (r,)
        Rows of the relevant videos, unique.
    excluded : int array, optional
        Rows that are no candidates, such as what the user has seen. A relevant one
        has rank `NEVER`.

    Raises
    ------
    ValueError
        NaN among the scores, or a relevant row that repeats.

    Notes
    -----
    O(n log n). Relevant videos are each other's competitors, too: two of them with one score rank below each other.
    """
    if np.isnan(scores).any():
        raise ValueError("scores hold NaN, which has no rank")
    rows = np.asarray(relevant, np.int64).reshape(-1)
    if len(np.unique(rows)) != len(rows):
        raise ValueError("a relevant row appears more than once")
    is_candidate = np.ones(len(scores), np.bool_)
    if excluded is not None:
        is_candidate[np.asarray(excluded, np.int64)] = False
    ascending = np.sort(scores[is_candidate])
    at_least = len(ascending) - np.searchsorted(ascending, scores[rows], side="left")
    return np.where(is_candidate[rows], at_least - 1, NEVER)


def recall_at_k(ranks: ArrayLike, k: int) -> float:
    """Return recall@k of one user, 0 to 1, from the ranks of all the user's relevant videos.

    Raises
    ------
    ValueError
        No relevant video, a rank below 0, or k below 1.

    Examples
    --------
    >>> recall_at_k([0, 7, 12], 10)
    0.6666666666666666
    """
    found = _ranks(ranks, k)
    return float(np.count_nonzero(found < k)) / min(len(found), k)


def ndcg_at_k(ranks: ArrayLike, k: int) -> float:
    """Return nDCG@k of one user, 0 to 1, from the ranks of all the user's relevant videos.

    Raises
    ------
    ValueError
        No relevant video, a rank below 0, or k below 1.

    Examples
    --------
    >>> ndcg_at_k([2], 10)
    0.5
    """
    found = _ranks(ranks, k)
    ideal = float(_gains(np.arange(min(len(found), k))).sum())
    return float(_gains(np.sort(found[found < k])).sum()) / ideal


def _gains(ranks: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(1.0 / np.log2(ranks + 2.0))


def _ranks(ranks: ArrayLike, k: int) -> NDArray[np.int64]:
    found = np.asarray(ranks, np.int64).reshape(-1)
    if not len(found):
        raise ValueError("no relevant video: the metric is not defined, leave this user out")
    if found.min() < 0 or k < 1:
        raise ValueError(f"ranks count from 0 and k from 1; found rank {found.min()} and k {k}")
    return found
