"""People with one taste of two, and the model that knows both."""

from collections.abc import Sequence

import numpy as np

from app.offline.data.histories import Population
from deploy.data import Rating
from deploy.demonstration.feed import event_of
from models.factorization.factor_model import FactorModel
from models.factorization.model_description import ModelDescription
from models.factorization.user_solver import SolverParameters
from models.feedback.confidence import ConfidenceRule
from models.feedback.events import Rate

VIDEOS = 40


def model() -> FactorModel:
    """Return a model with two tastes: even videos along the first axis, odd ones along the second."""
    factors = np.zeros((VIDEOS, 2), np.float32)
    factors[::2, 0] = np.linspace(1.0, 0.8, VIDEOS // 2)
    factors[1::2, 1] = np.linspace(1.0, 0.8, VIDEOS // 2)
    return FactorModel.build(
        region="global",
        version="v",
        video_ids=tuple(f"v{at}" for at in range(VIDEOS)),
        factors=factors,
        popularity=np.ones(VIDEOS, np.float32),
        description=ModelDescription(
            confidence=ConfidenceRule(),
            solver=SolverParameters(regularization=0.01, unobserved_weight=0.1, frequency_exponent=1.0),
        ),
    )


def like(user: str, video: str, rating: float = 5.0) -> Rate:
    return event_of(Rating(2_000, user, video, rating), "movielens")


def population(users: Sequence[str], videos: Sequence[int]) -> Population:
    past = [event_of(Rating(at, user, f"v{at}", 4.0), "movielens") for user in users for at in videos]
    return Population(100).add(past)
