"""From histories to recommendations: the one path that offline jobs, agents and requests share."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.factorization.factor_model import FactorModel
from models.feedback.confidence import KnownFacts
from models.feedback.history import History
from models.numerics.scoring import EMPTY_TOP_N, Excluded, TopN


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
    O(h k^2 + min(h, k)^3 + n_videos k) for a user with h videos, without the interpreter's lock but for a few
    microseconds a user. A user's results are the same bits in whatever batch.
    """
    known = KnownFacts.of(histories, model.index)
    user_factors = _solve(model, known)
    best = [EMPTY_TOP_N] * len(histories)
    solved = np.flatnonzero(user_factors.any(axis=1))
    excluded = None if include_seen else _seen(known, solved)
    tops = model.search.best(user_factors[solved], n, excluded)
    for user, top in zip(solved.tolist(), tops, strict=True):
        best[user] = top
    return user_factors, best


def _solve(model: FactorModel, known: KnownFacts) -> NDArray[np.float32]:
    return model.solver.solve(*model.description.confidence.matrix(known))


def _seen(known: KnownFacts, users: NDArray[np.int64]) -> Excluded:
    """Return the rows of the videos that `History.seen` names, as far as the model knows them."""
    seen = known.seen
    bounds = np.concatenate(([0], np.cumsum(seen)))[known.indptr]
    return Excluded(known.rows[seen], bounds[users], bounds[users + 1])
