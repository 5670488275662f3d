"""What the counts of popularity leave out."""

from prometheus_client import CollectorRegistry, Counter


class PopularityMetrics:
    """Metrics of the counts, on a registry that must not hold them yet."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.uncounted = Counter(
            "nearline_popularity_uncounted", "Plays and likes of too many videos a day.", registry=registry
        )
