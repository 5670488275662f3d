"""What people choose when they train: the options of `nearline train`, which a jobs file has under the same names."""

from dataclasses import dataclass
from typing import Annotated, Final

from models.factorization.hyperparameters import AlsHyperparameters, Stopping
from models.parameters import UNLIMITED, Allowed, Parameter, Parameters, parameters_of


@dataclass(frozen=True, kw_only=True)
class VideoSelection(Parameters):
    """Which videos are learned.

    Parameters
    ----------
    min_users_per_video : int
        Fewer users with a confidence above 0 than these do not make a video one of the model.
    """

    min_users_per_video: Annotated[int, Allowed(1, UNLIMITED, "Videos that fewer users like are left out.")] = 3


TRAINING_OPTIONS: Final[tuple[Parameter, ...]] = (
    *parameters_of(AlsHyperparameters),
    *parameters_of(Stopping),
    *parameters_of(VideoSelection),
)
"""All of them, in the order in which they are shown."""
