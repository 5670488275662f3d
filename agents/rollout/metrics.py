"""What the way of a model counts; a label is a region or a version, of which there are few."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class RolloutMetrics:
    """Metrics of models and re-solving, on a registry that must not hold them yet."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.model_info = Gauge(
            "nearline_model_info", "1 for the version that is active.", ["region", "version"], registry=registry
        )
        self.models_rejected = Counter(
            "nearline_models_rejected", "Announced models that were rejected.", ["region"], registry=registry
        )
        self.model_store_unavailable = Counter(
            "nearline_model_store_unavailable",
            "Reads of announced models that the model store did not answer; each is repeated.",
            ["region"],
            registry=registry,
        )
        self.users_rescored = Counter(
            "nearline_users_rescored",
            "Users whose list was made anew because another model serves them now.",
            registry=registry,
        )
        self.users_to_rescore = Gauge(
            "nearline_users_to_rescore",
            "Users of this worker whose list is of another model than serves them.",
            ["region"],
            registry=registry,
        )
