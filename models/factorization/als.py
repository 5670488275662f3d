"""Alternating least squares for implicit feedback, with the user solver on both sides.

The objective is that of Rendle et al. 2021, "Revisiting the Performance of iALS on Item Recommendation Benchmarks",
https://arxiv.org/abs/2110.14037, eq. 3 and 8 (Hu, Koren and Volinsky 2008 with a frequency-scaled ridge)::

    sum_{u,i observed} s_ui (u.v_i - 1)^2  +  w0 sum_{u,i} (u.v_i)^2
      +  reg (sum_u (n_u + w0 n_videos)^e |u|^2  +  sum_i (n_i + w0 n_users)^e |v_i|^2)

With the videos fixed it is a sum of the user solver's objectives, one for each user; with the users fixed it is the
same sum with users and videos exchanged. So each half step solves one side exactly, and can only lower it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.errors import LearningFailed
from models.factorization.factor_model import gram_of
from models.factorization.user_solver import SolverParameters, UserSolver
from models.feedback.interactions import Interactions

Progress = Callable[[int, float], None]

_INITIAL_SCALE: Final = 0.1  # initial factors are normal with standard deviation 0.1 / sqrt(k), as in the paper
_BLOCK_ENTRIES: Final = 1 << 16


@dataclass(frozen=True, eq=False)
class LearnedFactors:
    """What a learner found: ``video_factors`` float32 (n_videos, k) and the last ``user_factors`` (n_users, k)."""

    video_factors: NDArray[np.float32]
    user_factors: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class AlsLearner:
    """Learns video factors.

    Parameters
    ----------
    n_factors : int
        k, at least 1.
    regularization, unobserved_weight, frequency_exponent : float
        Constants of the objective, see `SolverParameters`.
    iterations : int
        At least 1; each solves all users, then all videos.
    seed : int
        Of the initial video factors; the same seed gives the same factors.
    """

    n_factors: int = 64
    regularization: float = 0.003
    unobserved_weight: float = 0.1
    frequency_exponent: float = 1.0
    iterations: int = 16
    seed: int = 0

    @property
    def solver(self) -> SolverParameters:
        """The constants of the objective, for the model's description."""
        return SolverParameters(
            regularization=self.regularization,
            unobserved_weight=self.unobserved_weight,
            frequency_exponent=self.frequency_exponent,
        )

    def learn(self, interactions: Interactions, progress: Progress | None = None) -> LearnedFactors:
        """Learn from the interactions.

        Parameters
        ----------
        interactions : Interactions
            At least one entry.
        progress : callable, optional
            Called after each iteration with its number, from 1, and the objective, which costs O(nnz k) to compute.

        Raises
        ------
        LearningFailed
            No entries, or a parameter out of range.
        SolveFailed
            A side's normal equations are not positive definite: regularization 0 with too little data.

        Notes
        -----
        An iteration is O(nnz k^2 + (n_users + n_videos) k^3).
        """
        self._check(interactions)
        by_video = interactions.transposed()
        scale = _INITIAL_SCALE / np.sqrt(self.n_factors)
        start = np.random.default_rng(self.seed).normal(0.0, scale, (interactions.n_videos, self.n_factors))
        videos = start.astype(np.float32)
        for iteration in range(1, self.iterations + 1):
            users = solve_side(interactions, videos, self.solver)
            videos = solve_side(by_video, users, self.solver)
            if progress is not None:
                progress(iteration, objective(interactions, users, videos, self.solver))
        return LearnedFactors(videos, users)

    def _check(self, interactions: Interactions) -> None:
        if not len(interactions.rows):
            raise LearningFailed("no user has a video with a strength above 0: collect more events")
        if self.n_factors < 1 or self.iterations < 1:
            raise LearningFailed(
                f"n_factors is {self.n_factors} and iterations {self.iterations}; both must be at least 1"
            )


def solve_side(
    interactions: Interactions, factors: NDArray[np.float32], parameters: SolverParameters
) -> NDArray[np.float32]:
    """Return the best factors of the rows of ``interactions`` for the given factors of its columns: one half step."""
    solver = UserSolver(factors, gram_of(factors), parameters)
    solution: NDArray[np.float32] = solver.solve(interactions.indptr, interactions.rows, interactions.strengths)
    return solution


def objective(
    interactions: Interactions, users: NDArray[Any], videos: NDArray[Any], parameters: SolverParameters
) -> float:
    """Return the objective above in float64; O(nnz k + (n_users + n_videos) k^2)."""
    users, videos = users.astype(np.float64), videos.astype(np.float64)
    # sum over all pairs of (u.v)^2 = sum of the elements of gram(users) * gram(videos)
    unobserved = parameters.unobserved_weight * float(np.sum(gram_of(users) * gram_of(videos)))
    user_counts = np.diff(interactions.indptr)
    video_counts = np.bincount(interactions.rows, minlength=interactions.n_videos)
    ridges = parameters.ridge(user_counts, len(videos)) @ np.vecdot(users, users) + parameters.ridge(
        video_counts, len(users)
    ) @ np.vecdot(videos, videos)
    return _observed_loss(interactions, users, videos) + unobserved + float(ridges)


def _observed_loss(interactions: Interactions, users: NDArray[np.float64], videos: NDArray[np.float64]) -> float:
    owners = np.repeat(np.arange(interactions.n_users), np.diff(interactions.indptr))
    loss = 0.0
    for start in range(0, len(owners), _BLOCK_ENTRIES):
        block = slice(start, start + _BLOCK_ENTRIES)
        errors = np.vecdot(users[owners[block]], videos[interactions.rows[block]]) - 1.0
        loss += float(interactions.strengths[block] @ errors**2)
    return loss
