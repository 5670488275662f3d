"""Models of random factors, and their artifacts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from models.artifacts.artifact import model_id, version_name, write_artifact
from models.artifacts.files import ArtifactFiles
from models.artifacts.manifest import Manifest
from models.factorization.factor_model import FactorModel
from models.factorization.model_description import ModelDescription
from models.factorization.user_solver import SolverParameters
from models.feedback.confidence import ConfidenceRule
from models.names import GLOBAL_REGION

N_VIDEOS = 200
N_FACTORS = 16


class _Nowhere:
    """Takes whatever is written and has nothing."""

    url = "nowhere"

    def exists(self, path: str) -> bool:
        return False

    def read(self, path: str, max_bytes: int) -> bytes:
        raise FileNotFoundError(path)

    def write(self, path: str, content: bytes) -> None:
        pass


def as_read(model: FactorModel) -> FactorModel:
    """Return a model with the digest that a worker knows it by, once `write_model` has written it."""
    return replace(model, digest=model_id(write_model(_Nowhere(), model)).digest)


def write_model(store: ArtifactFiles, model: FactorModel, signing_key: str | None = None) -> Manifest:
    """Write a model's artifact, unannounced, signed if there is a key."""
    return write_artifact(
        store,
        model,
        metrics={},
        created=datetime(2026, 1, 1, tzinfo=UTC),
        code_version="test",
        data_window={},
        previous_version=None,
        hyperparameters={},
        signing_key=signing_key.encode() if signing_key else None,
    )


def random_model(
    seed: int, n_videos: int = N_VIDEOS, region: str = GLOBAL_REGION, version: str | None = None
) -> FactorModel:
    """Return a model that is determined by the seed, and named after it unless it is given a name."""
    factors = np.random.default_rng(seed).normal(0, 0.4, (n_videos, N_FACTORS)).astype(np.float32)
    return FactorModel.build(
        region=region,
        version=version or version_name(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=seed), factors),
        video_ids=tuple(f"v{number}" for number in range(n_videos)),
        factors=factors,
        popularity=np.ones(n_videos, np.float32),
        description=ModelDescription(
            confidence=ConfidenceRule(),
            solver=SolverParameters(regularization=0.1, unobserved_weight=0.2, frequency_exponent=1.0),
        ),
    )
