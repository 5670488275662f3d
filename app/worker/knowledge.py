"""What every worker knows as a whole, each from one compacted topic: models, catalogue, popularity."""

from dataclasses import dataclass

from agents.catalogue import Catalogue
from agents.popularity.popularity import GlobalPopularity
from agents.rollout.model_trial import ModelTrial
from agents.rollout.model_updates import ModelUpdates
from agents.rollout.models_in_use import ModelsInUse
from agents.rollout.refusals import Refusals
from app.publishing.model_fetch import ModelFetch
from app.worker.shared import Shared
from models.evaluation.trial import TrialLimits
from tables.fenced_table import FencedTable


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What every worker knows as a whole: models, catalogue, popularity; each read from one compacted topic."""

    models: ModelsInUse
    updates: ModelUpdates
    catalogue: Catalogue
    popularity: GlobalPopularity


def make_knowledge(shared: Shared, users_table: FencedTable) -> Knowledge:
    """Models ─▶ fetch, verify, try on users ─▶ swap, or models-rejected; catalogue; popularity."""
    settings, models = shared.settings, ModelsInUse(shared.metrics)
    limits = settings.trial.model_dump()
    users, min_users = limits.pop("users"), limits.pop("min_users")
    trial = ModelTrial(users_table, shared.recent, models.active, users, min_users, TrialLimits(**limits))
    refusals = Refusals(shared.producer, shared.names.models_rejected)
    updates = ModelUpdates(models, ModelFetch(settings), trial, refusals.tell, settings.worker.id)
    return Knowledge(models, updates, Catalogue(settings.models.max_videos, shared.metrics), GlobalPopularity())
