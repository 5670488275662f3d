"""Prometheus metrics of a worker, made on a registry that is given; no user or video is ever a label."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_EVENTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True, slots=True)
class Metrics:
    """Everything that a worker counts; the help texts in `make_metrics` say what each one means."""

    events_applied: Counter
    events_rejected: Counter
    events_duplicate: Counter
    events_repeated: Counter
    events_misrouted: Counter
    chunks_stale: Counter
    retention_gap: Counter
    solves_failed: Counter
    popularity_uncounted: Counter
    chunk_events: Histogram
    prepare_seconds: Histogram
    write_seconds: Histogram
    event_age_seconds: Histogram
    partitions_running: Gauge
    partitions_standby: Gauge
    recovery_behind_records: Gauge
    lag_records: Gauge
    model_info: Gauge
    models_rejected: Counter
    model_store_unavailable: Counter
    catalogue_videos: Gauge
    catalogue_rejected: Counter
    rebalances: Counter
    agents_running: Gauge
    standstill_seconds: Gauge
    broker_silent_seconds: Gauge
    partitions_set_aside: Counter
    changelog_intruded: Counter
    users_erased: Counter
    users_rescored: Counter
    users_to_rescore: Gauge


def make_metrics(registry: CollectorRegistry) -> Metrics:
    """Register every metric of a worker on `registry`, which must not hold them yet."""
    return Metrics(
        events_applied=Counter(
            "nearline_events_applied", "Events that changed a user's history.", ["type"], registry=registry
        ),
        events_rejected=Counter(
            "nearline_events_rejected", "Events sent to the dead-letter topic.", ["reason"], registry=registry
        ),
        events_duplicate=Counter(
            "nearline_events_duplicate", "Events whose id had been applied before.", registry=registry
        ),
        events_repeated=Counter(
            "nearline_events_repeated", "Records at or below their user's applied offset.", registry=registry
        ),
        events_misrouted=Counter(
            "nearline_events_misrouted",
            "Events in a partition where murmur2 of the key would not put them.",
            registry=registry,
        ),
        chunks_stale=Counter(
            "nearline_chunks_stale", "Chunks of an ended generation, dropped and read again.", registry=registry
        ),
        retention_gap=Counter(
            "nearline_retention_gap_records", "Records that retention removed before they were read.", registry=registry
        ),
        solves_failed=Counter("nearline_solves_failed", "Users whom the model could not solve.", registry=registry),
        popularity_uncounted=Counter(
            "nearline_popularity_uncounted",
            "Plays and likes of too many videos a day.",
            registry=registry,
        ),
        chunk_events=Histogram("nearline_chunk_events", "Records in one chunk.", buckets=_EVENTS, registry=registry),
        prepare_seconds=Histogram(
            "nearline_prepare_seconds", "Decode, apply, solve and score one chunk.", buckets=_SECONDS, registry=registry
        ),
        write_seconds=Histogram(
            "nearline_write_seconds", "Acknowledge and store one chunk.", buckets=_SECONDS, registry=registry
        ),
        event_age_seconds=Histogram(
            "nearline_event_age_seconds",
            "From the record's timestamp in Kafka to its stored scores, oldest record of each chunk.",
            buckets=(*_SECONDS, 30.0, 60.0, 300.0),
            registry=registry,
        ),
        partitions_running=Gauge(
            "nearline_partitions_running", "Source partitions that this worker reads.", registry=registry
        ),
        partitions_standby=Gauge(
            "nearline_partitions_standby",
            "Partitions of other workers whose copy here was complete a moment ago.",
            registry=registry,
        ),
        recovery_behind_records=Gauge(
            "nearline_recovery_behind_records",
            "Changelog records that own partitions still lack before they run.",
            registry=registry,
        ),
        lag_records=Gauge(
            "nearline_lag_records", "Source records fetched behind the end, own partitions.", registry=registry
        ),
        model_info=Gauge(
            "nearline_model_info", "1 for the version that is active.", ["region", "version"], registry=registry
        ),
        models_rejected=Counter(
            "nearline_models_rejected", "Announced models that were refused.", ["region"], registry=registry
        ),
        model_store_unavailable=Counter(
            "nearline_model_store_unavailable",
            "Reads of announced models that the model store did not answer; each is repeated.",
            ["region"],
            registry=registry,
        ),
        catalogue_videos=Gauge("nearline_catalogue_videos", "Videos in the catalogue.", registry=registry),
        catalogue_rejected=Counter(
            "nearline_catalogue_rejected", "Catalogue records that were refused.", registry=registry
        ),
        rebalances=Counter(
            "nearline_rebalances", "Times that partitions were taken from this worker.", registry=registry
        ),
        agents_running=Gauge(
            "nearline_agents_running", "Agents that run; when one ends the worker does.", registry=registry
        ),
        standstill_seconds=Gauge(
            "nearline_standstill_seconds",
            "How long the fetch, the agent or the write has not moved although it should.",
            ["what"],
            registry=registry,
        ),
        broker_silent_seconds=Gauge(
            "nearline_broker_silent_seconds",
            "How long the broker has not answered; up to 2 is usual.",
            registry=registry,
        ),
        partitions_set_aside=Counter(
            "nearline_partitions_set_aside",
            "Partition folders that could not be believed and are rebuilt from the changelog.",
            registry=registry,
        ),
        changelog_intruded=Counter(
            "nearline_changelog_intruded_records",
            "Changelog records that landed between those of this worker, a partition's owner; they are made harmless.",
            registry=registry,
        ),
        users_erased=Counter("nearline_users_erased", "Users whose row was removed on demand.", registry=registry),
        users_rescored=Counter(
            "nearline_users_rescored",
            "Users whose list was made anew because another model serves them now.",
            registry=registry,
        ),
        users_to_rescore=Gauge(
            "nearline_users_to_rescore",
            "Users of this worker whose list is of another model than serves them.",
            ["region"],
            registry=registry,
        ),
    )
