"""What looks after one worker from inside: whether the broker answers, and whether what should move does."""

from dataclasses import dataclass

from agents.kafka.broker_probe import BrokerProbe
from agents.kafka.coordinator_requests import CoordinatorRequests
from agents.liveness.watchdog import Vitals, Watchdog
from agents.users.ownership import Ownership
from app.worker.event_path import EventPath
from app.worker.shared_parts import Shared

_ANSWER_PART = 1 / 3
"""Of the session timeout: a request of the group's consumer has so long, and the lease outlasts a second try."""


@dataclass(frozen=True, slots=True)
class Guards:
    """What looks after one worker."""

    probe: BrokerProbe
    watchdog: Watchdog


def make_guards(shared: Shared, path: EventPath, ownership: Ownership) -> Guards:
    """Broker ─▶ probe; probe, reader and agent ─▶ watchdog."""
    probe = BrokerProbe(shared.connection, shared.names.member_events, lambda: ownership.running)
    metrics = shared.metrics.liveness
    metrics.broker_silent_seconds.set_function(lambda: probe.silent_seconds)

    def vitals() -> Vitals:
        return Vitals(
            silent_seconds=probe.silent_seconds,
            ends=probe.ends,
            fetched=path.reader.reached(),
            working=path.chunks.busy or ownership.writing,
            writing=ownership.writing,
            stored=path.processor.last_progress,
        )

    stuck_seconds = shared.settings.worker.stuck_seconds
    return Guards(probe, Watchdog(vitals, stuck_seconds, shared.supervisor, metrics.standstill_seconds))


def make_coordinator_requests(shared: Shared) -> CoordinatorRequests:
    """Heartbeats, joins and syncs ─▶ lease."""
    worker = shared.settings.worker
    return CoordinatorRequests(
        shared.lease,
        answer_seconds=_ANSWER_PART * worker.session_timeout_seconds,
        join_seconds=worker.rebalance_seconds + worker.session_timeout_seconds / 2,
        unanswered=shared.metrics.liveness.heartbeats_unanswered,
    )
