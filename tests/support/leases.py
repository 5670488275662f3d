"""Leases for parts that are tested without a group."""

from prometheus_client import CollectorRegistry

from agents.liveness.lease import Lease
from agents.liveness.metrics import LivenessMetrics
from agents.liveness.supervisor import Supervisor

_HOURS = 36_000.0


def held_lease() -> Lease:
    """Return the lease of a member that was just heard of, and outlasts every test."""
    lease = Lease(_HOURS, _HOURS, Supervisor(), LivenessMetrics(CollectorRegistry()).lease_lapses)
    lease.synced(lease.clock())
    return lease
