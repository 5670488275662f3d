"""Recipes: how a model is learned, and the hyperparameters by which people ask for it."""

from dataclasses import asdict, dataclass, field
from typing import Any, Final

from models.factorization.als import AlsLearner
from models.feedback.strengths import StrengthRule
from models.names import GLOBAL_REGION

TUNED_LEARNER: Final = AlsLearner(
    n_factors=64, regularization=0.01, unobserved_weight=0.2, frequency_exponent=1.0, iterations=8
)
"""Chosen by the prequential recall@20 on the last tenth of the training part of MovieLens and of MovieTweetings."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model is learned.

    Parameters
    ----------
    region : the population; `GLOBAL_REGION` for everybody.
    learner : the learner with its hyperparameters.
    rule : events to strengths.
    min_users_per_video : a video that fewer users liked is left out.
    history_limit : facts of a user that count, as many as a worker keeps.
    """

    region: str = GLOBAL_REGION
    learner: AlsLearner = TUNED_LEARNER
    rule: StrengthRule = field(default_factory=StrengthRule)
    min_users_per_video: int = 3
    history_limit: int = 500

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """What the manifest tells about the recipe."""
        return {
            "learner": type(self.learner).__name__,
            **asdict(self.learner),
            "min_users_per_video": self.min_users_per_video,
            "history_limit": self.history_limit,
        }


def recipe_of(
    region: str,
    history_limit: int,
    *,
    factors: int,
    regularization: float,
    unobserved_weight: float,
    frequency_exponent: float,
    iterations: int,
    seed: int,
    min_users_per_video: int,
) -> Recipe:
    """Return the recipe of the hyperparameters that `nearline train` and a jobs file have, under the same names."""
    learner = AlsLearner(
        n_factors=factors,
        regularization=regularization,
        unobserved_weight=unobserved_weight,
        frequency_exponent=frequency_exponent,
        iterations=iterations,
        seed=seed,
    )
    return Recipe(region=region, learner=learner, min_users_per_video=min_users_per_video, history_limit=history_limit)
