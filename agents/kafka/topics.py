"""The topics: what each must be, how it is made, and what is wrong with one that exists.

Everything is created before Faust starts, changelogs too: a topic that appears late is not assigned.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from agents.kafka.connection import Connection
from agents.kafka.topic_checks import (
    BROKERS_TIME,
    DAY_MS,
    HOUR_MS,
    FoundTopic,
    TopicMismatch,
    TopicMissing,
    TopicSpec,
    problems,
)

__all__ = ["TopicMismatch", "TopicMissing", "TopicNames", "TopicSpec", "check_topics", "create_topics", "topic_specs"]

_VISIBLE_SECONDS = 30.0
_MIB = 1 << 20
_DEFAULT_MESSAGE_BYTES = _MIB + 12
"""What a broker takes when nobody says anything; the largest batch of rows fits."""
_TWO_COPIES = 3
"""From so many replicas on one may be away while a record still counts as written only when two have it."""


@dataclass(frozen=True, slots=True)
class TopicNames:
    """The names of all topics of one application."""

    app_id: str
    member_events: str = "member-events"
    catalogue: str = "catalogue"
    models: str = "models"

    @property
    def dead_letters(self) -> str:
        """Where rejected events go."""
        return f"{self.member_events}.dlq"

    @property
    def models_rejected(self) -> str:
        """Announced versions that a worker rejected, and why."""
        return rejected_topic(self.models)

    @property
    def membership(self) -> str:
        """The topic that Faust subscribes to, so that partitions and tables are assigned; it tells starts the time."""
        return f"{self.app_id}-membership"

    @property
    def users_changelog(self) -> str:
        """The changelog of the users table, named as Faust names it."""
        return f"{self.app_id}-users-changelog"

    @property
    def users_claims(self) -> str:
        """What the transactional ids begin with by which workers claim the partitions of that changelog."""
        return f"{self.app_id}-users-"

    @property
    def popularity(self) -> str:
        """Counts of every partition, for every worker."""
        return f"{self.app_id}-popularity"


def rejected_topic(models: str) -> str:
    """Return where rejections of what is announced in a topic go."""
    return f"{models}-rejected"


def topic_specs(names: TopicNames, partitions: int) -> list[TopicSpec]:
    """Return what every topic must be; `partitions` is N, the same for source, membership and changelog.

    Records have the broker's time: what a worker writes is dated and compacted rightly whatever its own clock says.
    """
    # who is erased is gone from a changelog that is written within a week, whatever little of it changes
    keep_newest = {
        "min.compaction.lag.ms": str(6 * HOUR_MS),
        "max.compaction.lag.ms": str(7 * DAY_MS),
        "segment.ms": str(DAY_MS),
        # a database that was away for 23 hours is still believed; the second day is for clocks that differ
        "delete.retention.ms": str(2 * DAY_MS),
    }
    rows = {
        "delete.retention.ms": DAY_MS,
        "max.message.bytes": _DEFAULT_MESSAGE_BYTES,
    }
    week = {"retention.ms": str(7 * DAY_MS)}
    large = {"max.message.bytes": str(2 * _MIB)}
    # a dead letter is the largest event and its headers
    letters = {"max.message.bytes": _MIB + (64 << 10)}
    return [
        _spec(names.member_events, partitions, "delete", {**week, "max.message.bytes": str(_MIB)}),
        _spec(names.dead_letters, partitions, "delete", {**week, **large}, letters),
        _spec(names.membership, partitions, "delete"),
        _spec(names.users_changelog, partitions, "compact", {**keep_newest, **large}, rows),
        _spec(names.popularity, 1, "compact", large, {"max.message.bytes": _DEFAULT_MESSAGE_BYTES}),
        _spec(names.catalogue, 1, "compact"),
        _spec(names.models, 1, "compact"),
        _spec(names.models_rejected, 1, "compact"),
    ]


def _spec(
    name: str,
    partitions: int,
    cleanup_policy: str,
    config: Mapping[str, str] | None = None,
    at_least: Mapping[str, int] | None = None,
) -> TopicSpec:
    return TopicSpec(
        name, partitions, cleanup_policy, {"message.timestamp.type": BROKERS_TIME, **(config or {})}, at_least or {}
    )


async def create_topics(connection: Connection, specs: Sequence[TopicSpec], replication: int) -> list[str]:
    """Create the topics that do not exist and return their names; raises `TopicMismatch` for those that differ."""
    async with _admin(connection) as admin:
        existing = set(await admin.list_topics())
        missing = [spec for spec in specs if spec.name not in existing]
        if missing:
            safe = {"min.insync.replicas": "2"} if replication >= _TWO_COPIES else {}
            new = [
                NewTopic(
                    spec.name,
                    spec.partitions,
                    replication,
                    topic_configs={"cleanup.policy": spec.cleanup_policy, **spec.config, **safe},
                )
                for spec in missing
            ]
            response = await admin.create_topics(new)
            for name, code, *detail in response.topic_errors:
                if code and not issubclass(for_code(code), TopicAlreadyExistsError):
                    raise TopicMismatch(f"topic {name} could not be made: {for_code(code).__name__} {detail}")
    await _visible(connection, specs)
    return [spec.name for spec in missing]


async def _visible(connection: Connection, specs: Sequence[TopicSpec]) -> None:
    """Check the topics; one that was just made may take a moment to reach every broker's metadata."""
    deadline = time.monotonic() + _VISIBLE_SECONDS
    while True:
        try:
            await check_topics(connection, specs)
            return
        except TopicMissing:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


async def check_topics(connection: Connection, specs: Sequence[TopicSpec]) -> dict[str, FoundTopic]:
    """Return the topics as they are.

    Raises
    ------
    TopicMismatch
        Unless every topic exists and is what it must be.
    """
    async with _admin(connection) as admin:
        existing = set(await admin.list_topics())
        found = await _describe(admin, [spec.name for spec in specs if spec.name in existing])
    said = [problem for spec in specs for problem in problems(spec, found.get(spec.name))]
    if said:
        raise (TopicMissing if len(found) < len(specs) else TopicMismatch)("; ".join(said))
    return found


@asynccontextmanager
async def _admin(connection: Connection) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**connection.client_options())
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def _describe(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, FoundTopic]:
    if not names:
        return {}
    described = await admin.describe_topics(list(names))
    responses = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    configs = {
        name: {entry[0]: entry[1] for entry in entries}
        for response in responses
        for _, _, _, name, entries in response.resources
    }
    return {
        topic["topic"]: FoundTopic(
            len(topic["partitions"]),
            min((len(partition["replicas"]) for partition in topic["partitions"]), default=0),
            configs[topic["topic"]],
        )
        for topic in described
        if topic["partitions"] and configs.get(topic["topic"])  # else it vanished after it was listed
    }
