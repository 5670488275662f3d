"""Fetching an announced model: from the configured store only, below the configured limits, signed if a key is set."""

from app.publishing.model_store import ModelStore
from app.settings.settings import Settings
from models.artifacts.artifact import read_artifact
from models.artifacts.artifact_files import ArtifactLimits
from models.factorization.factor_model import FactorModel
from models.rollout.announcement import Announcement


def artifact_limits(settings: Settings) -> ArtifactLimits:
    """Return what an artifact may measure at most."""
    limits = settings.models
    return ArtifactLimits(max_videos=limits.max_videos, max_factors=limits.max_factors, max_bytes=limits.max_bytes)


def signing_key(settings: Settings) -> bytes | None:
    """Return the key that signs and verifies artifacts, None when none is configured."""
    key = settings.models.signing_key
    return key.get_secret_value().encode() if key else None


class ModelFetch:
    """Reads announced artifacts; a call blocks, so it belongs into a thread."""

    def __init__(self, settings: Settings) -> None:
        self._store = ModelStore(settings.store)
        self._limits = artifact_limits(settings)
        self._key = signing_key(settings)

    def __call__(self, announcement: Announcement) -> FactorModel:
        """Return the verified model; raises `ArtifactInvalid` with the reason, or `StoreUnavailable`."""
        return read_artifact(
            self._store,
            announcement.region,
            announcement.version,
            digest=announcement.digest,
            limits=self._limits,
            verify_key=self._key,
        )
