"""The settings: every value that a person running Nearline may choose, with its unit, range and default.

`app.settings.sources` fills them from the environment, files and options. Constructed directly, as tests do, they
read nothing from outside. Hyperparameters are not here: they belong to the learners and travel with the model.
"""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from app.settings.store_url import check_store_url
from models.evaluation.canary import CanaryLimits
from models.parameters import parameters_of
from tables.budget import MIN_OPEN_FILES, least_memory_mib, least_open_files

_LIMITS = {limit.name: limit for limit in parameters_of(CanaryLimits)}
_OPEN_FILES = 1024
_ROCKSDB_MEMORY_MB = 256
_WILDCARDS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to
_ADDRESS = re.compile(r"[^\s,:/]+:\d{1,5}|\[[0-9a-fA-F:.]+\]:\d{1,5}")


def _split_keys(value: object) -> object:
    """Accept keys as one text, separated by commas or white space, as the environment and secret files carry them."""
    return tuple(part for part in re.split(r"[\s,]+", value) if part) if isinstance(value, str) else value


def _check_bootstrap(value: str) -> str:
    for address in value.split(","):
        if not _ADDRESS.fullmatch(address) or not 0 < int(address.rpartition(":")[2]) < 1 << 16:
            raise ValueError(f"{address!r} is not host:port; separate several by commas, without spaces")
    return value


def _limit(name: str) -> Any:
    """Return the setting of a limit of the canary: its default, range and description are the limit's own."""
    limit = _LIMITS[name]
    return Field(limit.default, ge=limit.least, le=limit.most, allow_inf_nan=False, description=limit.help)


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$")]
Seconds = Annotated[float, Field(ge=0.1, le=3600, allow_inf_nan=False)]
Secret = Annotated[SecretStr, Field(min_length=8)]
Keys = Annotated[tuple[Secret, ...], BeforeValidator(_split_keys)]


class Section(BaseModel):
    """Some settings that belong together: frozen, unknown names refused, defaults checked like given values."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True)


class KafkaSettings(Section):
    """Where Kafka is."""

    bootstrap: Annotated[str, AfterValidator(_check_bootstrap)] = Field(
        "127.0.0.1:9092", description="Addresses host:port of brokers, separated by commas."
    )
    replication: int = Field(1, ge=1, le=9, description="Replicas of each topic that is made.")


class TopicSettings(Section):
    """Names of topics that others use too, and the number of partitions."""

    member_events: TopicName = Field("member-events", description="What users did; its dead letters go to NAME.dlq.")
    catalogue: TopicName = Field("catalogue", description="What is known about each video.")
    models: TopicName = Field("models", description="Announcements of model versions.")
    partitions: int = Field(
        12, ge=1, le=1024, description="Partitions of the member events, of the table and its changelog; never changes."
    )

    @model_validator(mode="after")
    def _check_distinct(self) -> "TopicSettings":
        names = [
            self.member_events,
            f"{self.member_events}.dlq",
            self.catalogue,
            self.models,
            f"{self.models}-rejected",
        ]
        if len(set(names)) < len(names):
            raise ValueError(f"the topics {', '.join(names)} must have different names")
        return self


class WorkerSettings(Section):
    """One worker process."""

    id: Name = Field("0", description="Name of this worker among its group; keep it over restarts.")
    session_timeout_seconds: Annotated[float, Field(ge=1, le=600, allow_inf_nan=False)] = Field(
        10.0, description="Seconds without a heartbeat until a worker ends, and the group gives its partitions away."
    )
    takeover_seconds: Seconds = Field(60.0, description="Seconds that recovery may stand still; then it restarts.")
    stuck_seconds: Seconds = Field(
        60.0, description="Seconds that events may wait with none applied; then the worker ends, to be started again."
    )
    drain_seconds: Seconds = Field(4.0, description="Seconds that a revocation waits for the write in progress.")
    stop_seconds: Seconds = Field(20.0, description="Seconds for an orderly stop; then the process ends anyway.")
    max_records: int = Field(1000, ge=1, le=10_000, description="Most events in one chunk.")
    linger_ms: int = Field(
        20, ge=0, le=1000, description="Milliseconds from one chunk to the next while few events arrive."
    )
    fetch_wait_ms: int = Field(100, ge=1, le=10_000, description="Milliseconds the broker may hold an empty fetch.")
    recovery_fetch_mb: int = Field(
        8, ge=1, le=256, description="MiB of changelog in one fetch of a recovery; about three times it is in memory."
    )
    max_chunks: int = Field(1, ge=1, le=64, description="Chunks waiting between reader and agent.")
    static_membership: bool = Field(True, description="Keep the partitions over a quick restart of the same id.")
    standby_replicas: int = Field(0, ge=0, le=1, description="Workers that keep a second copy of each partition.")
    rocksdb_memory_mb: int | None = Field(
        None, ge=16, le=65_536, description="MiB for RocksDB; by default 256, or half a MiB a partition if more."
    )
    open_files: int | None = Field(
        None,
        ge=MIN_OPEN_FILES,
        le=1_000_000,
        description=f"Files that RocksDB may hold open; by default 1024, or {MIN_OPEN_FILES} a partition if more.",
    )

    @property
    def rebalance_seconds(self) -> float:
        """How long the members of the group wait for one of them that does not join again."""
        return max(60.0, self.session_timeout_seconds)

    @property
    def join_seconds(self) -> float:
        """How long a join may be pending: the others are waited for, and then the coordinator has a session more."""
        return self.rebalance_seconds + self.session_timeout_seconds

    @model_validator(mode="after")
    def _check_times(self) -> "WorkerSettings":
        if self.drain_seconds >= self.stop_seconds:
            raise ValueError(f"drain_seconds={self.drain_seconds} must be below stop_seconds={self.stop_seconds}")
        return self


class UserSettings(Section):
    """What is kept for each user."""

    history_limit: int = Field(500, ge=1, le=3000, description="Latest facts kept for each user.")
    stored_scores: int = Field(100, ge=1, le=1000, description="Best videos stored for each user.")
    recent_events: int = Field(64, ge=0, le=1024, description="Latest event ids kept, to notice a producer's repeats.")


class PopularitySettings(Section):
    """The counts of plays and likes."""

    window_days: int = Field(30, ge=1, le=3650, description="Days of event time for which counts are kept by day.")
    fallback_days: int = Field(10, ge=1, le=3650, description="Days that count for a user without history.")
    publish_seconds: Seconds = Field(1.0, description="Seconds between the messages that make counts global.")

    @model_validator(mode="after")
    def _check_days(self) -> "PopularitySettings":
        if self.fallback_days > self.window_days:
            raise ValueError(f"fallback_days={self.fallback_days} exceeds window_days={self.window_days}")
        return self


class ModelSettings(Section):
    """Which models a worker is ready to load."""

    max_videos: int = Field(2_000_000, ge=1, le=100_000_000, description="Most videos of a model.")
    max_factors: int = Field(1024, ge=1, le=4096, description="Most factors of a model.")
    max_bytes: int = Field(2 << 30, ge=1 << 10, le=1 << 40, description="Most bytes of a model's files.")
    signing_key: Secret | None = Field(
        None, description="Key that signs what `train` writes; a worker that has it accepts signed models only."
    )


class CanarySettings(Section):
    """The canary of a new model on users of the worker, before it serves; beyond a limit it is rejected."""

    users: int = Field(200, ge=0, le=10_000, description="Most users that a new model is tried on; 0: no canary.")
    min_users: int = Field(50, ge=1, le=10_000, description="Fewer users than these do not judge a model.")
    min_overlap: float = _limit("min_overlap")
    max_score_drift: float = _limit("max_score_drift")
    min_coverage_ratio: float = _limit("min_coverage_ratio")
    max_popularity_rise: float = _limit("max_popularity_rise")
    max_nothing_rise: float = _limit("max_nothing_rise")
    max_held_out_rise: float = _limit("max_held_out_rise")


class RescoringSettings(Section):
    """Re-solving users in the background after another model has become active."""

    users: int = Field(256, ge=1, le=10_000, description="Most users re-solved between two chunks of events.")
    share: float = Field(
        0.5, ge=0.05, le=1, description="Share of the time that re-solving takes at most while events or requests come."
    )


class HttpSettings(Section):
    """The query view."""

    bind: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(8080, ge=1, le=65_535, description="Port to listen on.")
    advertised_host: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="Name by which other workers reach this one; by default what it binds, or 127.0.0.1."
    )
    forward_timeout_ms: int = Field(250, ge=1, le=60_000, description="Milliseconds that another worker may take.")
    max_body_bytes: int = Field(65_536, ge=1024, le=16 << 20, description="Most bytes of a request.")
    max_lag_records: int = Field(100_000, ge=0, le=10**12, description="Events behind, above which it is not ready.")
    max_open_transaction_seconds: Seconds = Field(
        120.0,
        description="Seconds that a producer's transaction may hold a partition up; above, it is not ready.",
    )
    admin_keys: Keys = Field((), description="Keys for everything; none: no key is asked for. Separated by commas.")
    read_keys: Keys = Field((), description="Keys for reading; none: no key is asked for. Separated by commas.")

    @property
    def advertised_host_name(self) -> str:
        """The host that other workers shall use."""
        if self.advertised_host is not None:
            return self.advertised_host
        return "127.0.0.1" if self.bind in _WILDCARDS else self.bind

    @property
    def advertised_url(self) -> str:
        """The base URL that other workers shall use, such as ``http://127.0.0.1:8080``."""
        host = self.advertised_host_name
        return f"http://{f'[{host}]' if _is_ipv6(host) else host}:{self.port}"


class LogSettings(Section):
    """What is logged, and how."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least important level that shows.")
    format: Literal["text", "json"] = Field("text", description="text for people, json for one object a line.")


class Settings(Section):
    """All settings."""

    app_id: Name = Field("nearline", description="Name of the consumer group and prefix of internal topics.")
    store: Annotated[str, AfterValidator(check_store_url)] = Field(
        ".nearline/models", min_length=1, description="Model store: a folder or an fsspec URL, without keys."
    )
    data_dir: Path = Field(Path(".nearline/data"), description="Folder of this worker's tables.")
    kafka: KafkaSettings = KafkaSettings()
    topics: TopicSettings = TopicSettings()
    worker: WorkerSettings = WorkerSettings()
    users: UserSettings = UserSettings()
    popularity: PopularitySettings = PopularitySettings()
    models: ModelSettings = ModelSettings()
    canary: CanarySettings = CanarySettings()
    rescoring: RescoringSettings = RescoringSettings()
    http: HttpSettings = HttpSettings()
    log: LogSettings = LogSettings()

    @model_validator(mode="after")
    def _check_budget(self) -> "Settings":
        partitions, worker = self.topics.partitions, self.worker
        for name, value, least in (
            ("worker.rocksdb_memory_mb", worker.rocksdb_memory_mb, least_memory_mib(partitions)),
            ("worker.open_files", worker.open_files, least_open_files(partitions)),
        ):
            if value is not None and value < least:
                raise ValueError(f"{name}={value} is too little for topics.partitions={partitions}: at least {least}")
        return self

    @property
    def rocksdb_memory_mb(self) -> int:
        """How many MiB RocksDB may take: what is set, or what the number of partitions asks for."""
        memory = self.worker.rocksdb_memory_mb
        return max(_ROCKSDB_MEMORY_MB, least_memory_mib(self.topics.partitions)) if memory is None else memory

    @property
    def rocksdb_files(self) -> int:
        """How many files RocksDB may hold open: what is set, or what the number of partitions asks for."""
        files = self.worker.open_files
        return max(_OPEN_FILES, least_open_files(self.topics.partitions)) if files is None else files


def _is_ipv6(host: str) -> bool:
    try:
        return ip_address(host).version == 6
    except ValueError:
        return False
