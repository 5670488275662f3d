"""Alternating least squares for implicit feedback, with the user solver on both sides.

The objective is that of Rendle et al. 2021, "Revisiting the Performance of iALS on Item Recommendation Benchmarks",
https://arxiv.org/abs/2110.14037, eq. 3 and 8 (Hu, Koren and Volinsky 2008 with a frequency-scaled ridge)::

    sum_{u,i observed} s_ui (u.v_i - 1)^2  +  w0 sum_{u,i} (u.v_i)^2
      +  reg (sum_u (n_u + w0 n_videos)^e |u|^2  +  sum_i (n_i + w0 n_users)^e |v_i|^2)

With the videos fixed it is a sum of the user solver's objectives, one for each user; with the users fixed it is the
same sum with users and videos exchanged. Each half step solves one side exactly, so it can only lower the sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.errors import LearningFailed
from models.factorization.factor_model import gram_of
from models.factorization.hyperparameters import AlsHyperparameters, Stopping
from models.factorization.learner import Iteration, LearnedFactors, Listener
from models.factorization.user_solver import SolverParameters, UserSolver
from models.feedback.interactions import Interactions

_INITIAL_SCALE: Final = 0.1  # initial factors are normal with standard deviation 0.1 / sqrt(k), as in the paper
_BLOCK_ENTRIES: Final = 1 << 16


@dataclass(frozen=True)
class AlsLearner:
    """Learns by alternating least squares; a `models.factorization.learner.Learner`.

    An iteration solves all users, then all videos, in O(nnz k^2 + (n_users + n_videos) k^3). Its objective, where a
    listener asks for it, costs O(nnz k).
    """

    hyperparameters: AlsHyperparameters = field(default_factory=AlsHyperparameters)

    @property
    def solver(self) -> SolverParameters:
        """The constants of the objective."""
        return SolverParameters(
            regularization=self.hyperparameters.regularization,
            unobserved_weight=self.hyperparameters.unobserved_weight,
            frequency_exponent=self.hyperparameters.frequency_exponent,
        )

    def learn(
        self, interactions: Interactions, *, stopping: Stopping, listeners: Sequence[Listener] = ()
    ) -> LearnedFactors:
        """Learn from the interactions.

        Parameters
        ----------
        interactions : Interactions
            At least one entry.
        stopping : Stopping
            When to stop.
        listeners : sequence of callables
            Each is called after each iteration.

        Raises
        ------
        LearningFailed
            No entries.
        SolveFailed
            A side's normal equations are not positive definite: regularization 0 with too little data.
        """
        if not len(interactions.rows):
            raise LearningFailed("no user has a video with a confidence above 0: collect more events")
        by_video, solver = interactions.transposed(), self.solver
        videos = self._initial(interactions.n_videos)
        for number in range(1, stopping.iterations + 1):
            users = solve_side(interactions, videos, solver)
            videos = solve_side(by_video, users, solver)
            iteration = Iteration(number, partial(objective, interactions, users, videos, solver))
            for listener in listeners:
                listener(iteration)
        return LearnedFactors(videos, users, solver)

    def _initial(self, n_videos: int) -> NDArray[np.float32]:
        n_factors = self.hyperparameters.n_factors
        random = np.random.default_rng(self.hyperparameters.seed)
        return random.normal(0.0, _INITIAL_SCALE / np.sqrt(n_factors), (n_videos, n_factors)).astype(np.float32)


def solve_side(
    interactions: Interactions, factors: NDArray[np.float32], parameters: SolverParameters
) -> NDArray[np.float32]:
    """Return the best factors of the rows of ``interactions`` for the given factors of its columns: one half step."""
    solver = UserSolver(factors, gram_of(factors), parameters)
    solution: NDArray[np.float32] = solver.solve(interactions.indptr, interactions.rows, interactions.confidences)
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
        loss += float(interactions.confidences[block] @ errors**2)
    return loss
