"""What looks after one worker from inside: whether the broker answers, what should move does, and all is shared out.

The lease is made with the shared parts, for whoever writes or answers asks it; what tells it of the group's answers is
made here.
"""

from dataclasses import dataclass

from agents.kafka.broker_probe import BrokerProbe
from agents.kafka.coordinator_requests import CoordinatorRequests
from agents.liveness.watchdog import Vitals, Watchdog
from agents.users.own_partitions import OwnPartitions
from app.worker.event_path import EventPath
from app.worker.faust_app import assignment_of
from app.worker.faust_seam import StreamApp
from app.worker.membership import hindrance_to_sharing_out
from app.worker.reassignment import Reassignment
from app.worker.routing import AssignmentRouting
from app.worker.shared_parts import Shared

_ANSWER_PART = 1 / 3
"""Of the session timeout: a request of the group's consumer has so long, and the lease outlasts a second try."""
_LEFT_PART = 1 / 2
"""Of the session timeout: a join or sync is given up so long before the lease of a join ends the process."""


@dataclass(frozen=True, slots=True)
class Guards:
    """What looks after one worker."""

    probe: BrokerProbe
    watchdog: Watchdog
    reassignment: Reassignment


def make_guards(
    app: StreamApp, shared: Shared, path: EventPath, own: OwnPartitions, routing: AssignmentRouting
) -> Guards:
    """Broker ─▶ probe; probe, reader and agent ─▶ watchdog; assignment ─▶ reassignment."""
    probe = BrokerProbe(
        shared.connection,
        (shared.names.member_events, shared.names.users_changelog),
        assignment_of(app, own.table).partitions,
    )
    metrics = shared.metrics.liveness
    metrics.broker_silent_seconds.set_function(lambda: probe.silent_seconds)
    metrics.partitions_leaderless.set_function(lambda: sum(map(len, probe.leaderless.values())))
    metrics.partitions_unserved.set_function(lambda: len(routing.unserved()) if app.generation else 0)

    def vitals() -> Vitals:
        return Vitals(
            silent_seconds=probe.silent_seconds,
            ends=probe.ends,
            fetched=path.reader.reached(),
            working=path.chunks.busy or own.ownership.writing,
            writing=own.ownership.writing,
            stored=path.processor.last_progress,
        )

    stuck_seconds = shared.settings.worker.stuck_seconds
    watchdog = Watchdog(vitals, stuck_seconds, shared.supervisor, metrics.standstill_seconds)
    return Guards(probe, watchdog, _make_reassignment(app, shared, routing))


def make_coordinator_requests(shared: Shared) -> CoordinatorRequests:
    """Heartbeats, joins and syncs ─▶ lease."""
    worker = shared.settings.worker
    return CoordinatorRequests(
        shared.lease,
        answer_seconds=_ANSWER_PART * worker.session_timeout_seconds,
        join_seconds=worker.join_seconds - _LEFT_PART * worker.session_timeout_seconds,
        unanswered=shared.metrics.liveness.heartbeats_unanswered,
    )


def _make_reassignment(app: StreamApp, shared: Shared, routing: AssignmentRouting) -> Reassignment:
    async def hindrance(served: bool) -> str | None:
        return await hindrance_to_sharing_out(shared.settings, served=served)

    worker = shared.settings.worker
    return Reassignment(
        assignment=routing,
        group=app,
        hindrance=hindrance,
        standbys=worker.standby_replicas,
        session_seconds=worker.session_timeout_seconds,
    )
