"""What every part of a worker is made with: settings, names, the broker, the supervisor, the lease, one producer."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from agents.kafka.connection import Connection
from agents.kafka.producer import AcknowledgedProducer
from agents.kafka.producer_claims import ProducerClaims
from agents.kafka.topics import TopicNames
from agents.liveness.activity import Activity
from agents.liveness.lease import Lease
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
    lease: Lease
    producer: AcknowledgedProducer
    claims: ProducerClaims
    recent: RecentUsers
    misplaced: MisplacedUsers
    activity: Activity


def make_shared(settings: Settings) -> Shared:
    """Return these parts; nothing is connected yet."""
    connection, supervisor, registry = connection_of(settings), Supervisor(), CollectorRegistry()
    names, metrics, worker = topic_names(settings), WorkerMetrics(registry), settings.worker
    process_guard = ProcessGuard(worker.session_timeout_seconds / 2, supervisor)
    lease = Lease(worker.session_timeout_seconds, worker.join_seconds, supervisor, metrics.liveness.lease_lapses)
    metrics.liveness.lease_age_seconds.set_function(lambda: lease.age_seconds)
    producer = AcknowledgedProducer(connection, process_guard, lease)
    return Shared(
        settings=settings,
        names=names,
        connection=connection,
        registry=registry,
        metrics=metrics,
        supervisor=supervisor,
        process_guard=process_guard,
        lease=lease,
        producer=producer,
        claims=ProducerClaims(producer.client, names.users_claims),
        recent=RecentUsers(),
        misplaced=MisplacedUsers(),
        activity=Activity(),
    )
