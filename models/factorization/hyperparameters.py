"""What a learner is told besides the data: one class of hyperparameters for each learner, and when it shall stop.

The command line, the jobs file and the manifest of a version take names, ranges and defaults from here.
"""

from dataclasses import dataclass
from typing import Annotated

from models.parameters import UNLIMITED, Allowed, Parameters


@dataclass(frozen=True, kw_only=True)
class AlsHyperparameters(Parameters):
    """Those of `models.factorization.als.AlsLearner`.

    The defaults, with the default of `Stopping`, were chosen by the prequential recall@20 on the last tenth of the
    training part of MovieLens and of MovieTweetings.

    Parameters
    ----------
    n_factors : int
        k.
    regularization, unobserved_weight, frequency_exponent : float
        Constants of the objective, see `models.factorization.user_solver.SolverParameters`.
    seed : int
        Of the initial video factors; the same seed gives the same factors.
    """

    n_factors: Annotated[int, Allowed(1, 1024, "Numbers that describe a video (k).", option="factors")] = 64
    regularization: Annotated[float, Allowed(0, UNLIMITED, "Weight of the factors' squares.")] = 0.01
    unobserved_weight: Annotated[float, Allowed(0, UNLIMITED, "Weight of every video a user did nothing to.")] = 0.2
    frequency_exponent: Annotated[
        float, Allowed(0, 1, "How the regularization grows with a user's or video's events.")
    ] = 1.0
    seed: Annotated[int, Allowed(0, UNLIMITED, "Of the initial factors.")] = 0


@dataclass(frozen=True, kw_only=True)
class Stopping(Parameters):
    """When a learner stops.

    Parameters
    ----------
    iterations : int
        After so many.
    """

    iterations: Annotated[int, Allowed(1, 1000, "Alternations between users and videos.")] = 8
