"""What the users' rows count; no user is ever a label."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class UserMetrics:
    """Metrics of the rows of this worker's users, on a registry that must not hold them yet."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.solves_failed = Counter(
            "nearline_solves_failed", "Users whom the model could not solve.", registry=registry
        )
        self.erasures = Counter(
            "nearline_erasures_applied", "Records of the member events that erase a user, applied.", registry=registry
        )
        self.erased = Counter(
            "nearline_users_erased", "Applied erasures that removed something of a user.", registry=registry
        )
        self.misplaced = Gauge(
            "nearline_users_misplaced",
            "Users of the own partitions whom murmur2 puts into another one, at least.",
            registry=registry,
        )
        self.changelog_intruded = Counter(
            "nearline_changelog_intruded_records",
            "Changelog records that landed between those of this worker, a partition's owner; they are made harmless.",
            registry=registry,
        )
