"""Made-up models."""

from typing import Any

import numpy as np

from models.factorization.als import AlsLearner
from models.factorization.factor_model import FactorModel
from models.factorization.hyperparameters import AlsHyperparameters, Stopping
from models.factorization.model_description import ModelDescription
from models.feedback.confidence import ConfidenceRule
from models.feedback.history import EMPTY_HISTORY, History
from models.feedback.interactions import Interactions
from tests.support.tastes import two_tastes


def model(
    factors: Any, popularity: Any = None, ids: list[str] | None = None, region: str = "us", version: str = "v1"
) -> FactorModel:
    array = np.asarray(factors, np.float32)
    return FactorModel.build(
        region=region,
        version=version,
        video_ids=ids or [f"v{row}" for row in range(len(array))],
        factors=array,
        popularity=np.ones(len(array)) if popularity is None else np.asarray(popularity),
        description=ModelDescription(),
    )


def random_model(seed: int, n_videos: int = 60) -> FactorModel:
    rng = np.random.default_rng(seed)
    return model(rng.normal(0.1, 0.3, (n_videos, 6)), rng.integers(0, 50, n_videos))


def line(n_videos: int) -> FactorModel:
    """Return a model whose users score the videos by their number, the first highest."""
    return model(np.arange(n_videos, 0, -1).reshape(-1, 1))


def learned() -> tuple[FactorModel, list[History]]:
    """A version that was learned from people of two tastes, and these people."""
    events = list(two_tastes(users=80, videos=30))
    people = sorted({event.user_id for event in events})
    histories = [EMPTY_HISTORY.apply([event for event in events if event.user_id == person], 500) for person in people]
    rule = ConfidenceRule()
    interactions = Interactions.from_histories(people, histories, rule, min_users_per_video=1)
    learner = AlsLearner(AlsHyperparameters(n_factors=8, regularization=0.05, unobserved_weight=0.1))
    model = FactorModel.build(
        region="global",
        version="learned",
        video_ids=interactions.video_ids,
        factors=learner.learn(interactions, stopping=Stopping(iterations=8)).video_factors,
        popularity=interactions.popularity(),
        description=ModelDescription(confidence=rule, solver=learner.solver),
    )
    return model, histories
