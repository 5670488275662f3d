"""What recovery, standbys and broken folders count."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class ChangelogMetrics:
    """Metrics of how the table follows its changelog, on a registry that must not hold them yet."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.behind_records = Gauge(
            "nearline_recovery_behind_records",
            "Changelog records that own partitions still lack before they run.",
            registry=registry,
        )
        self.partitions_standby = Gauge(
            "nearline_partitions_standby",
            "Partitions of other workers whose standby here was complete a moment ago.",
            registry=registry,
        )
        self.partitions_set_aside = Counter(
            "nearline_partitions_set_aside",
            "Partition folders that could not be believed and are rebuilt from the changelog.",
            registry=registry,
        )
        self.rows_set_aside = Counter(
            "nearline_rows_set_aside",
            "Rows, and records of the changelog, that could not be read and are taken for missing.",
            registry=registry,
        )
