"""The training configuration: all that decides about a model besides the events."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from app.offline.training.options import VideoSelection
from models.factorization.als import AlsLearner
from models.factorization.hyperparameters import AlsHyperparameters, Stopping
from models.factorization.learner import Learner
from models.feedback.confidence import ConfidenceRule
from models.names import GLOBAL_REGION


@dataclass(frozen=True, kw_only=True)
class TrainingConfiguration:
    """How a model is learned.

    Parameters
    ----------
    region : the population; `GLOBAL_REGION` for everybody.
    learner : the learner with its hyperparameters.
    stopping : when the learner stops.
    rule : events to confidences.
    selection : which videos are learned.
    history_limit : facts of a user that count, as many as a worker keeps.
    """

    region: str = GLOBAL_REGION
    learner: Learner = field(default_factory=AlsLearner)
    stopping: Stopping = field(default_factory=Stopping)
    rule: ConfidenceRule = field(default_factory=ConfidenceRule)
    selection: VideoSelection = field(default_factory=VideoSelection)
    history_limit: int = 500

    @classmethod
    def of_options(cls, region: str, history_limit: int, options: Mapping[str, int | float]) -> "TrainingConfiguration":
        """Return the configuration that people chose by some of `TRAINING_OPTIONS`.

        Raises
        ------
        ParameterInvalid
            If a value is out of its range.
        """
        return cls(
            region=region,
            learner=AlsLearner(AlsHyperparameters.chosen(options)),
            stopping=Stopping.chosen(options),
            selection=VideoSelection.chosen(options),
            history_limit=history_limit,
        )

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """What the manifest tells about the configuration."""
        return {
            "learner": type(self.learner).__name__,
            **asdict(self.learner.hyperparameters),
            **asdict(self.stopping),
            **asdict(self.selection),
            "history_limit": self.history_limit,
        }
