"""What every part of a worker is made with: settings, names, the broker, metrics, one producer."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from agents.kafka.connection import Connection
from agents.kafka.producer import AcknowledgedProducer
from agents.kafka.topics import TopicNames
from agents.liveness.activity import Activity
from agents.liveness.process_guard import ProcessGuard
from agents.metrics import Metrics, make_metrics
from agents.users.recent_users import RecentUsers
from app.settings.settings import Settings
from app.settings.topics import connection_of, topic_names


@dataclass(frozen=True, slots=True)
class Shared:
    """What every part of a worker is made with."""

    settings: Settings
    names: TopicNames
    connection: Connection
    registry: CollectorRegistry
    metrics: Metrics
    process_guard: ProcessGuard
    producer: AcknowledgedProducer
    recent: RecentUsers
    activity: Activity


def make_shared(settings: Settings) -> Shared:
    """Return these parts; nothing is connected yet."""
    connection, registry = connection_of(settings), CollectorRegistry()
    process_guard = ProcessGuard(settings.worker.session_timeout_seconds / 2)
    return Shared(
        settings,
        topic_names(settings),
        connection,
        registry,
        make_metrics(registry),
        process_guard,
        AcknowledgedProducer(connection, process_guard),
        RecentUsers(),
        Activity(),
    )
