"""Models of the folds, learned as a job learns them."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Final

from app.offline.training.configuration import TrainingConfiguration
from app.offline.training.options import VideoSelection
from app.offline.training.train import learn
from models.factorization.als import AlsLearner
from models.factorization.factor_model import FactorModel
from models.factorization.hyperparameters import AlsHyperparameters, Stopping
from models.feedback.confidence import ConfidenceRule
from tests.quality.folds import DISLIKE, HISTORY_LIMIT, LIKE, MIN_USERS_PER_VIDEO, folds

N_FACTORS, ITERATIONS = 64, 8
REGULARIZATION, UNOBSERVED_WEIGHT, FREQUENCY_EXPONENT = 0.01, 0.2, 1.0
HYPERPARAMETERS: Final = AlsHyperparameters(
    n_factors=N_FACTORS,
    regularization=REGULARIZATION,
    unobserved_weight=UNOBSERVED_WEIGHT,
    frequency_exponent=FREQUENCY_EXPONENT,
)
"""Stated here and not taken from the defaults: the bars are for these."""
RULE: Final = ConfidenceRule(like_rating=LIKE, like_weight=1.0, dislike_rating=DISLIKE)


@cache
def learned(name: str, fold: int, seed: int = 0) -> FactorModel:
    """Learn the model of a fold of a data set."""
    training = TrainingConfiguration(
        learner=AlsLearner(replace(HYPERPARAMETERS, seed=seed)),
        stopping=Stopping(iterations=ITERATIONS),
        rule=RULE,
        selection=VideoSelection(min_users_per_video=MIN_USERS_PER_VIDEO),
        history_limit=HISTORY_LIMIT,
    )
    return learn(folds(name)[fold].population.of_model(training.region), training, datetime(2026, 1, 1, tzinfo=UTC))
