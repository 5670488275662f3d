"""Learners: from interactions to video factors, one protocol for all of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.factorization.hyperparameters import Stopping
from models.factorization.user_solver import SolverParameters
from models.feedback.interactions import Interactions
from models.parameters import Parameters


class Iteration:
    """One iteration of a learner, as its listeners get it.

    Parameters
    ----------
    number : int
        From 1.
    objective : callable
        Computes the objective after the iteration; called once at most, and only if a listener asks.
    """

    def __init__(self, number: int, objective: Callable[[], float]) -> None:
        self.number = number
        self._compute = objective

    @cached_property
    def objective(self) -> float:
        """The learner's objective after this iteration; to be asked for before the listener returns."""
        return self._compute()


Listener: TypeAlias = Callable[[Iteration], object]
"""Hears each iteration, in order; what it raises ends the learning."""


@dataclass(frozen=True, eq=False)
class LearnedFactors:
    """What a learner found.

    Parameters
    ----------
    video_factors : float32 (n_videos, k)
        Rows in the order of the interactions' videos.
    user_factors : float32 (n_users, k)
        The last ones; a worker solves its own.
    solver : SolverParameters
        The constants under which users are to be solved against these video factors.
    """

    video_factors: NDArray[np.float32]
    user_factors: NDArray[np.float32]
    solver: SolverParameters


class Learner(Protocol):
    """Learns video factors; a frozen object, which may learn any number of times."""

    @property
    def hyperparameters(self) -> Parameters:
        """All that the result depends on besides interactions and stopping; made anew from its fields it is equal."""

    def learn(
        self, interactions: Interactions, *, stopping: Stopping, listeners: Sequence[Listener] = ()
    ) -> LearnedFactors:
        """Learn from the interactions; the same call gives the same bits.

        Parameters
        ----------
        interactions : Interactions
            At least one entry. A user or a video without entries has factors 0.
        stopping : Stopping
            When to stop.
        listeners : sequence of callables
            Each is called after each iteration.

        Raises
        ------
        LearningFailed
            If there is no entry.
        SolveFailed
            If a linear system is not positive definite.
        """
