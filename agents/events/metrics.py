"""What the path of the member events counts; no user or video is ever a label."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_EVENTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


class EventMetrics:
    """Metrics of the events that this worker reads, on a registry that must not hold them yet."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._count_events(registry)
        self._time_chunks(registry)
        self._follow_reading(registry)

    def _count_events(self, registry: CollectorRegistry) -> None:
        """Count what became of each record."""
        self.applied = Counter(
            "nearline_events_applied", "Events that changed a user's history.", ["type"], registry=registry
        )
        self.rejected = Counter(
            "nearline_events_rejected", "Events sent to the dead-letter topic.", ["reason"], registry=registry
        )
        self.duplicate = Counter(
            "nearline_events_duplicate", "Events whose id had been applied before.", registry=registry
        )
        self.repeated = Counter(
            "nearline_events_repeated", "Records at or below their user's applied offset.", registry=registry
        )
        self.misrouted = Counter(
            "nearline_events_misrouted",
            "Events in a partition where murmur2 of the key would not put them.",
            registry=registry,
        )
        self.retention_gap = Counter(
            "nearline_retention_gap_records", "Records that retention removed before they were read.", registry=registry
        )

    def _time_chunks(self, registry: CollectorRegistry) -> None:
        """Measure how large chunks are, and what they take."""
        self.chunks_stale = Counter(
            "nearline_chunks_stale", "Chunks of an ended generation, dropped and read again.", registry=registry
        )
        self.chunk_events = Histogram(
            "nearline_chunk_events", "Records in one chunk.", buckets=_EVENTS, registry=registry
        )
        self.prepare_seconds = Histogram(
            "nearline_prepare_seconds", "Decode, apply, solve and score one chunk.", buckets=_SECONDS, registry=registry
        )
        self.write_seconds = Histogram(
            "nearline_write_seconds", "Acknowledge and store one chunk.", buckets=_SECONDS, registry=registry
        )
        self.age_seconds = Histogram(
            "nearline_event_age_seconds",
            "From the record's timestamp in Kafka to its stored scores, oldest record of each chunk.",
            buckets=(*_SECONDS, 30.0, 60.0, 300.0),
            registry=registry,
        )

    def _follow_reading(self, registry: CollectorRegistry) -> None:
        """Tell where the reader is."""
        self.partitions_running = Gauge(
            "nearline_partitions_running", "Source partitions that this worker reads.", registry=registry
        )
        self.lag_records = Gauge(
            "nearline_lag_records",
            "Records of the own source partitions that are not fetched, those behind open transactions included.",
            registry=registry,
        )
        self.open_transaction_records = Gauge(
            "nearline_open_transaction_records",
            "Records of the own source partitions that wait behind open transactions of producers.",
            registry=registry,
        )
        self.open_transaction_seconds = Gauge(
            "nearline_open_transaction_seconds",
            "How long the oldest open transaction of a producer has held an own source partition up.",
            registry=registry,
        )
        self.rebalances = Counter(
            "nearline_rebalances", "Times that partitions were taken from this worker.", registry=registry
        )
