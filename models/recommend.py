"""From histories to recommendations: the one path that offline jobs, agents and requests share."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.factor_model import FactorModel
from models.history import History, Kind
from models.scoring import EMPTY_TOP_N, TopN, best_videos
from models.strengths import KnownFacts

_SCORE_BYTES: Final = 2 * 1024 * 1024  # stays near the core; larger blocks only wait for memory
_SEEN: Final = np.isin(np.arange(max(Kind) + 1), [Kind.PLAY, Kind.RATE, Kind.DISMISS])


def solve_histories(model: FactorModel, histories: Sequence[History]) -> NDArray[np.float32]:
    """Return the user factors of m histories, float32 (m, k); zeros where no known video speaks for a user.

    Raises
    ------
    SolveFailed
        A user's normal equations are not positive definite.
    """
    return _solve(model, KnownFacts.of(histories, model.index))


def recommend(model: FactorModel, histories: Sequence[History], n: int, *, include_seen: bool = False) -> list[TopN]:
    """Return each user's n best videos, best first.

    See `solve_and_recommend`, which returns the user factors, too.
    """
    return solve_and_recommend(model, histories, n, include_seen=include_seen)[1]


def solve_and_recommend(
    model: FactorModel, histories: Sequence[History], n: int, *, include_seen: bool = False
) -> tuple[NDArray[np.float32], list[TopN]]:
    """Solve the users, score all videos and choose the best.

    Parameters
    ----------
    model : FactorModel
        The version to use.
    histories : sequence of History
        One for each of m users.
    n : int
        How many videos a user gets; fewer when fewer are left.
    include_seen : bool
        Whether videos that the user played, rated or dismissed may be recommended.

    Returns
    -------
    user_factors : float32 (m, k)
        As `solve_histories` returns them.
    best : list of TopN
        Empty for a user whose factors are all zero: nothing is known about that user, and the caller falls back to
        what is popular.

    Raises
    ------
    SolveFailed
        A user's normal equations are not positive definite.

    Notes
    -----
    O(h k^2 + k^3 + n_videos k) for a user with h videos. Users are scored in blocks of 2 MiB of scores. A
    user's results are the same bits in whatever batch.
    """
    known = KnownFacts.of(histories, model.index)
    user_factors = _solve(model, known)
    seen = None if include_seen else _seen_rows(known)
    best = [EMPTY_TOP_N] * len(histories)
    solved = np.flatnonzero(user_factors.any(axis=1))
    block = max(1, _SCORE_BYTES // (4 * model.n_videos))
    for start in range(0, len(solved), block):
        users = solved[start : start + block]
        excluded = None if seen is None else [seen[user] for user in users]
        tops = best_videos(user_factors[users], model.factors, model.largest_norm, n, excluded)
        for user, top in zip(users, tops, strict=True):
            best[user] = top
    return user_factors, best


def _solve(model: FactorModel, known: KnownFacts) -> NDArray[np.float32]:
    return model.solver.solve(*model.description.strengths.matrix(known))


def _seen_rows(known: KnownFacts) -> list[NDArray[np.int32]]:
    """Return for each user the rows of the videos that `History.seen` names, as far as the model knows them."""
    seen = _SEEN[known.kinds]
    ends = np.searchsorted(known.users[seen], np.arange(1, known.n_users))
    return np.split(known.rows[seen], ends)
