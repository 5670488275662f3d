"""What the guards count."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class LivenessMetrics:
    """Metrics of progress, on a registry that must not hold them yet."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.agents_running = Gauge(
            "nearline_agents_running", "Agents that run; when one ends the worker does.", registry=registry
        )
        self.standstill_seconds = Gauge(
            "nearline_standstill_seconds",
            "How long the fetch, the agent or the write has not moved although it should.",
            ["what"],
            registry=registry,
        )
        self.broker_silent_seconds = Gauge(
            "nearline_broker_silent_seconds",
            "How long the broker has not answered; up to 2 is usual.",
            registry=registry,
        )
        self.lease_age_seconds = Gauge(
            "nearline_lease_age_seconds",
            "How long ago the last request was sent that the group's coordinator answered; up to 1 is usual.",
            registry=registry,
        )
        self.lease_lapses = Counter(
            "nearline_lease_lapses",
            "How often a worker ceased to write, for the group's coordinator did not answer.",
            registry=registry,
        )
        self.heartbeats_unanswered = Counter(
            "nearline_heartbeats_unanswered",
            "Heartbeats that were not answered within a third of the session timeout, or not at all.",
            registry=registry,
        )
        self.partitions_leaderless = Gauge(
            "nearline_partitions_leaderless",
            "Own partitions of member events and changelog whose leader is missing, or silent for some seconds.",
            registry=registry,
        )
        self.partitions_unserved = Gauge(
            "nearline_partitions_unserved",
            "Partitions that no worker has, by the last assignment that this worker knows; 0 before its first one.",
            registry=registry,
        )
