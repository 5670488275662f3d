"""User-video dot products and the exact choice of the best.

The best n of a row are found through a threshold: split the row into more than n groups; the n-th largest of the
groups' maxima is reached by at least n scores, so what lies below cannot be among the best. What reaches it, a little
more than n scores, is sorted. All ties at the border reach it together, so their order is decided by the row alone.

The last bits of a matrix product depend on its shape, so a user's scores in a batch differ a little from those alone.
`best_videos` therefore uses the product to find candidates only, and computes their scores one by one: what it returns
for a user is the same bits in whatever batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

_GROUPS_PER_RESULT: Final = 4  # more groups: a dearer threshold, fewer candidates; flat between 3 and 8
_LOWEST: Final = np.finfo(np.float32).min  # every score but minus infinity reaches it
_ROUNDOFF: Final = float(np.finfo(np.float32).eps) / 2


@dataclass(frozen=True, slots=True, eq=False)
class TopN:
    """The best videos of one user, best first.

    Parameters
    ----------
    rows : int32 (n,)
        Rows of the videos; of equal scores the lower row comes first.
    scores : float32 (n,)
        Their scores, descending, all above minus infinity.
    """

    rows: NDArray[np.int32]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rows)


EMPTY_TOP_N: Final = TopN(np.empty(0, np.int32), np.empty(0, np.float32))


def score_videos(user_factors: NDArray[np.float32], video_factors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return all dot products of m users (m, k) and n videos (n, k): float32 (m, n), C-contiguous.

    One matrix product, O(m n k). Its last bits may depend on m: see `score_pairs`.
    """
    return user_factors @ video_factors.T


def score_pairs(user_factors: NDArray[np.float32], video_factors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the dot products of one user (k,) and n videos (n, k): float32 (n,), each the same bits for any n."""
    scores: NDArray[np.float32] = np.vecdot(video_factors, user_factors)  # one BLAS dot for each row
    return scores


def largest_norm(video_factors: NDArray[np.float32]) -> float:
    """Return the largest Euclidean norm of a video's factors."""
    return float(np.sqrt(np.vecdot(video_factors, video_factors).max()))


def top_n(scores: NDArray[np.float32], n: int, excluded: Sequence[NDArray[np.int32]] | None = None) -> list[TopN]:
    """Return for each of m users the n videos of the largest scores: score descending, then row ascending.

    Parameters
    ----------
    scores : float32 (m, n_videos)
        No NaN. A score of minus infinity is never chosen. Modified: excluded places become minus infinity.
    n : int
        How many, at least 1. A user gets fewer when fewer are left.
    excluded : m arrays of rows, optional
        What each user must not get, in any order.

    Returns
    -------
    list of TopN
        Exact, one for each user, in order.
    """
    _exclude(scores, excluded)
    rows, values, bounds = _candidates(scores, _thresholds(scores, n))
    return _sorted(rows, values, bounds, n)


def best_videos(
    user_factors: NDArray[np.float32],
    video_factors: NDArray[np.float32],
    norm: float,
    n: int,
    excluded: Sequence[NDArray[np.int32]] | None = None,
) -> list[TopN]:
    """Return for each of m users the n videos of the largest `score_pairs`, the same bits in whatever batch.

    Parameters
    ----------
    user_factors : float32 (m, k)
        The users.
    video_factors : float32 (n_videos, k)
        The videos to choose from.
    norm : float
        `largest_norm` of the video factors.
    n : int
        How many, at least 1. A user gets fewer when fewer are left.
    excluded : m arrays of rows, optional
        What each user must not get, in any order.

    Notes
    -----
    In any order of summing, float32 dot products err by at most ``d = k roundoff |u| |v|`` (Higham 2002, "Accuracy and
    Stability of Numerical Algorithms", eq. 3.5). At least n videos score t or more in the matrix product, so t - 2d or
    more in pairs; a video that scores as much in pairs scores t - 4d or more in the product, and is a candidate.
    """
    scores = score_videos(user_factors, video_factors)
    _exclude(scores, excluded)
    slack = 4 * _ROUNDOFF * norm * user_factors.shape[1] * np.linalg.norm(user_factors, axis=1)
    rows, values, bounds = _candidates(scores, np.maximum(_thresholds(scores, n) - slack, _LOWEST))
    for user, (first, last) in zip(user_factors, pairwise(bounds), strict=True):
        values[first:last] = score_pairs(user, video_factors.take(rows[first:last], axis=0))
    return _sorted(rows, values, bounds, n)


def _exclude(scores: NDArray[np.float32], excluded: Sequence[NDArray[np.int32]] | None) -> None:
    if excluded:
        users = np.repeat(np.arange(len(excluded)), [len(rows) for rows in excluded])
        scores[users, np.concatenate(excluded)] = -np.inf


def _thresholds(scores: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    """Return for each user a score that at least n videos reach, close to the n-th largest; (m,)."""
    n_users, n_videos = scores.shape
    n_groups = _GROUPS_PER_RESULT * n
    size = n_videos // n_groups
    if size < 2:
        return np.full(n_users, _LOWEST, np.float32)
    # group g is the column g of this view, which leaves out a tail of fewer videos than there are groups
    grouped = scores[:, : size * n_groups].reshape(n_users, size, n_groups)
    maxima = np.partition(grouped.max(axis=1), n_groups - n, axis=1)
    return np.maximum(maxima[:, n_groups - n], _LOWEST)


def _candidates(
    scores: NDArray[np.float32], thresholds: NDArray[np.floating]
) -> tuple[NDArray[np.int64], NDArray[np.float32], list[int]]:
    """Return rows and scores of what reaches its user's threshold; user j owns ``bounds[j]:bounds[j + 1]``."""
    n_users, n_videos = scores.shape
    places = np.flatnonzero(scores >= thresholds.astype(np.float32)[:, np.newaxis])
    bounds = np.searchsorted(places, np.arange(n_users + 1) * n_videos)
    return places % n_videos, scores.ravel()[places], bounds.tolist()


def _sorted(rows: NDArray[np.int64], scores: NDArray[np.float32], bounds: list[int], n: int) -> list[TopN]:
    """Return each user's n best candidates, sorted as integers: half the time of a stable sort of floats."""
    keys = _descending((scores + np.float32(0)).view(np.uint32)).astype(np.uint64) << np.uint64(32)  # -0 + 0 is 0
    keys |= rows.astype(np.uint64)
    for first, last in pairwise(bounds):
        keys[first:last].sort()
    best_rows = keys.astype(np.uint32).view(np.int32)  # the low half
    best_scores = _descending((keys >> np.uint64(32)).astype(np.uint32)).view(np.float32)
    tops = [slice(first, min(last, first + n)) for first, last in pairwise(bounds)]
    return [TopN(best_rows[top].copy(), best_scores[top].copy()) for top in tops]


def _descending(bits: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Map the bits of float32 to integers in descending order of the floats, and back: it is its own inverse.

    The bits of positive floats ascend with them, so all but the sign is flipped; those of negative floats descend, and
    are larger for their sign.
    """
    return np.where(bits >> 31, bits, bits ^ 0x7FFFFFFF)
