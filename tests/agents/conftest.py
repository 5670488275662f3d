"""Parts that tests of agents share: a small model, metrics, topics of their own on a real broker."""

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from app.worker.metrics import WorkerMetrics
from models.factorization.factor_model import FactorModel
from models.factorization.model_description import ModelDescription
from models.factorization.user_solver import SolverParameters
from models.feedback.confidence import ConfidenceRule
from tests.support.cluster.fixtures import cluster
from tests.support.cluster.proxied import proxied, proxy
from tests.support.cluster.tables import users_table

__all__ = ["cluster", "proxied", "proxy", "users_table"]


@pytest.fixture
def metrics() -> WorkerMetrics:
    """Metrics of all rooms on a registry of their own."""
    return WorkerMetrics(CollectorRegistry())


@pytest.fixture(scope="session")
def model() -> FactorModel:
    """A model of 40 videos with 4 factors, always the same."""
    factors = np.random.default_rng(7).normal(0, 0.5, (40, 4)).astype(np.float32)
    parameters = SolverParameters(regularization=0.1, unobserved_weight=0.2, frequency_exponent=1.0)
    return FactorModel.build(
        region="global",
        version="test-1",
        video_ids=tuple(f"v{number}" for number in range(40)),
        factors=factors,
        popularity=np.ones(40, np.float32),
        description=ModelDescription(confidence=ConfidenceRule(), solver=parameters),
    )
