"""The metrics of all rooms on one worker's registry."""

from prometheus_client import CollectorRegistry

from agents.catalogue import CatalogueMetrics
from agents.changelog.metrics import ChangelogMetrics
from agents.events.metrics import EventMetrics
from agents.liveness.metrics import LivenessMetrics
from agents.popularity.metrics import PopularityMetrics
from agents.rollout.metrics import RolloutMetrics
from agents.users.metrics import UserMetrics


class WorkerMetrics:
    """What each room declares, made once on `registry`, which must not hold any of it yet."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.catalogue = CatalogueMetrics(registry)
        self.changelog = ChangelogMetrics(registry)
        self.events = EventMetrics(registry)
        self.liveness = LivenessMetrics(registry)
        self.popularity = PopularityMetrics(registry)
        self.rollout = RolloutMetrics(registry)
        self.users = UserMetrics(registry)
