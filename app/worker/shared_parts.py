"""What every part of a worker is made with: settings, names, the broker, the supervisor, one producer."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from agents.kafka.connection import Connection
from agents.kafka.producer import AcknowledgedProducer
from agents.kafka.topics import TopicNames
from agents.liveness.activity import Activity
from agents.liveness.process_guard import ProcessGuard
from agents.liveness.supervisor import Supervisor
from agents.users.misplaced_users import MisplacedUsers
from agents.users.recent_users import RecentUsers
from app.settings.settings import Settings
from app.settings.topics import connection_of, topic_names
from app.worker.metrics import WorkerMetrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What every part of a worker is made with."""

    settings: Settings
    names: TopicNames
    connection: Connection
    registry: CollectorRegistry
    metrics: WorkerMetrics
    supervisor: Supervisor
    process_guard: ProcessGuard
    producer: AcknowledgedProducer
    recent: RecentUsers
    misplaced: MisplacedUsers
    activity: Activity


def make_shared(settings: Settings) -> Shared:
    """Return these parts; nothing is connected yet."""
    connection, supervisor = connection_of(settings), Supervisor()
    registry, process_guard = CollectorRegistry(), ProcessGuard(settings.worker.session_timeout_seconds / 2, supervisor)
    return Shared(
        settings=settings,
        names=topic_names(settings),
        connection=connection,
        registry=registry,
        metrics=WorkerMetrics(registry),
        supervisor=supervisor,
        process_guard=process_guard,
        producer=AcknowledgedProducer(connection, process_guard),
        recent=RecentUsers(),
        misplaced=MisplacedUsers(),
        activity=Activity(),
    )
