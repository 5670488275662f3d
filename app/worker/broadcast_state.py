"""What every worker holds as a whole, each from a compacted topic: models, catalogue, counts."""

from dataclasses import dataclass

from aiokafka import ConsumerRecord

from agents.catalogue import Catalogue
from agents.popularity.popularity import GlobalPopularity
from agents.rollout.canary import Canary
from agents.rollout.model_updates import ModelUpdates
from agents.rollout.models_in_use import ModelsInUse
from agents.rollout.rejections import Rejections
from agents.users.misplaced_users import MisplacedEverywhere
from app.publishing.model_fetch import ModelFetch
from app.worker.shared_parts import Shared
from models.evaluation.canary import CanaryLimits
from tables.batch_table import BatchTable


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastState:
    """What every worker holds as a whole.

    Parameters
    ----------
    models : which model serves each region.
    updates : brings announced models in.
    catalogue, popularity : what is known of videos, and what is watched.
    misplaced : which partitions have users whom murmur2 puts elsewhere.
    """

    models: ModelsInUse
    updates: ModelUpdates
    catalogue: Catalogue
    popularity: GlobalPopularity
    misplaced: MisplacedEverywhere

    async def take_counts(self, record: ConsumerRecord) -> None:
        """Take a record of the topic of counts, whichever of the two it is about."""
        if not self.misplaced.take(record):
            await self.popularity.apply(record)


def make_broadcast_state(shared: Shared, users_table: BatchTable) -> BroadcastState:
    """Models ─▶ fetch, verify, try on users ─▶ swap, or models-rejected; catalogue; popularity."""
    settings, models = shared.settings, ModelsInUse(shared.metrics.rollout)
    canary = Canary(
        table=users_table,
        recent=shared.recent,
        active_model=models.active,
        users=settings.canary.users,
        min_users=settings.canary.min_users,
        limits=CanaryLimits.chosen(settings.canary.model_dump()),
    )
    rejections = Rejections(shared.producer, shared.names.models_rejected)
    updates = ModelUpdates(models, ModelFetch(settings), canary, rejections.tell, settings.worker.id)
    return BroadcastState(
        models=models,
        updates=updates,
        catalogue=Catalogue(settings.models.max_videos, shared.metrics.catalogue),
        popularity=GlobalPopularity(),
        misplaced=MisplacedEverywhere(settings.topics.partitions),
    )
