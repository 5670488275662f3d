"""User-video dot products and the exact choice of the best."""

import math
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.numerics.selection import (
    NO_CANDIDATE,
    WorkSpace,
    candidates_at_most,
    dots,
    find_candidates,
    rows_of,
    scores_of,
)

_VIDEOS_AT_ONCE: Final = 5_120
_SCORES_AT_ONCE: Final = 448 * 1024  # 1.75 MiB, near a core
_WHOLE_TILES: Final = 64  # a multiple of what any BLAS computes at once
_USERS_AT_LEAST: Final = 64  # fewer leave the matrix product slow
_USERS_SORTED_AT_ONCE: Final = 1024
_TRANSPOSED_BYTES: Final = 128 << 20
_ROUNDOFF: Final = float(np.finfo(np.float32).eps) / 2


class TopN(msgspec.Struct, frozen=True, eq=False, gc=False):
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


class Excluded(NamedTuple):
    """What m users must not get.

    Parameters
    ----------
    rows : int32
        Rows of videos; those of one user ascend.
    starts, stops : int64 (m,)
        User j's are ``rows[starts[j]:stops[j]]``.
    """

    rows: NDArray[np.int32]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]


def score_videos(user_factors: NDArray[np.float32], video_factors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return all dot products of m users (m, k) and n videos (n, k): float32 (m, n), C-contiguous.

    One matrix product, O(m n k). Its last bits may depend on m: see `score_pairs`.
    """
    return user_factors @ video_factors.T


def score_pairs(user_factors: NDArray[np.float32], video_factors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the dot products of one user (k,) and n videos (n, k): float32 (n,), each the same bits for any n."""
    scores = np.empty(len(video_factors), np.float32)
    dots(user_factors, video_factors, scores)
    return scores


def top_n(scores: NDArray[np.float32], n: int) -> TopN:
    """Return the n largest scores (n_videos,): score descending, then row ascending. No NaN; minus infinity never.

    O(n_videos + n log n) without ties at the border; `ExactSearch` is for many users.
    """
    wanted = min(n, len(scores))
    border = np.partition(scores, len(scores) - wanted)[len(scores) - wanted] if wanted else np.inf
    rows = np.flatnonzero((scores >= border) & (scores > -np.inf)).astype(np.int32)
    rows = rows[np.argsort(-scores[rows], kind="stable")][:n]
    return TopN(rows, scores[rows])


class ExactSearch:
    """Finds each user's best videos among all of them, without approximation.

    Parameters
    ----------
    factors : float32 (n_videos, k)
        Video factors, C-contiguous, at least one row; not copied.

    Notes
    -----
    Up to 128 MiB of factors are kept a second time, transposed in blocks: for a few users at a time a matrix product
    with these takes between a third and three quarters of the time.

    Float32 dot products err by at most ``d = k roundoff |u| |v|`` in any order of summing (Higham 2002, "Accuracy and
    Stability of Numerical Algorithms", eq. 3.5). At least n videos score t or more in the matrix product, so t - 2d or
    more in pairs; a video that scores as much in pairs scores t - 4d or more in the product, and is a candidate.
    """

    def __init__(self, factors: NDArray[np.float32]) -> None:
        self._factors = factors
        self._largest_norm = float(np.sqrt(np.vecdot(factors, factors).max()))
        n_videos = len(factors)
        even = math.ceil(n_videos / math.ceil(n_videos / _VIDEOS_AT_ONCE))
        self._width = min(n_videos, math.ceil(even / _WHOLE_TILES) * _WHOLE_TILES)
        fitting = _SCORES_AT_ONCE // self._width // 16 * 16
        self._users_at_once = max(_USERS_AT_LEAST, min(_USERS_SORTED_AT_ONCE, fitting))
        self._transposed = np.empty(0, np.float32)
        if factors.nbytes <= _TRANSPOSED_BYTES:
            starts = range(0, n_videos, self._width)
            self._transposed = np.concatenate([factors[start : start + self._width].T.ravel() for start in starts])

    def best(self, user_factors: NDArray[np.float32], n: int, excluded: Excluded | None = None) -> list[TopN]:
        """Return for each of m users the n videos of the largest `score_pairs`, the same bits in whatever batch.

        Parameters
        ----------
        user_factors : float32 (m, k)
            The users.
        n : int
            How many, at least 1. A user gets fewer when fewer are left.
        excluded : Excluded, optional
            What each user must not get.

        Notes
        -----
        O(m n_videos k), most of it matrix products, without the interpreter's lock; 1.75 MiB of scores at a time.
        """
        m, n = len(user_factors), min(n, len(self._factors))
        if excluded is None:
            nobody = np.zeros(m, np.int64)
            excluded = Excluded(EMPTY_TOP_N.rows, nobody, nobody)
        norms = np.linalg.norm(user_factors, axis=1)
        slacks = (4 * _ROUNDOFF * user_factors.shape[1] * self._largest_norm * norms).astype(np.float32)
        work = WorkSpace.of(min(m, self._users_at_once), self._width, n)
        tops: list[TopN] = []
        for first in range(0, m, _USERS_SORTED_AT_ONCE):
            users = range(first, min(first + _USERS_SORTED_AT_ONCE, m))
            keys = np.empty((len(users), candidates_at_most(n)), np.uint64)
            for start in users[:: self._users_at_once]:
                block = slice(start, min(start + self._users_at_once, users.stop))
                own = excluded.rows, excluded.starts[block], excluded.stops[block]
                places = self._factors, self._transposed, self._width
                found = keys[start - first : block.stop - first]
                find_candidates(user_factors[block], *places, slacks[block], n, *own, work, found)
            keys.sort(axis=1)  # NumPy's is vectorised: a tenth of the time of a compiled one
            rows, scores = rows_of(keys[:, :n]), scores_of(keys[:, :n])
            counts = (keys[:, :n] < NO_CANDIDATE).sum(axis=1).tolist()
            tops += [TopN(rows[user, :count], scores[user, :count]) for user, count in enumerate(counts)]
        return tops
