"""The topics: what each must be, how it is made, and what is wrong with one that exists.

Everything is created before Faust starts, changelogs too: a topic that appears late is not assigned.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from agents.kafka.connection import Connection

_VISIBLE_SECONDS = 30.0
_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS


_BEFORE_COMPACTING = (
    "retention may have taken the newest records of keys already, so before you change it with kafka-configs look with "
    "`kafka-get-offsets --time earliest`: a partition that does not begin at offset 0 has lost its beginning, and of a "
    "changelog the data folders of its workers may hold the only copy: keep them"
)
_BEFORE_DELETING = (
    "compaction may have taken events already that were not read; stop it with kafka-configs, which brings none back"
)


class TopicMismatch(Exception):
    """Topics are missing, or are not what this application needs; the message names each one."""


class TopicMissing(TopicMismatch):
    """At least one topic does not exist."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic.

    Parameters
    ----------
    name, partitions, cleanup_policy : checked at every start; none of them ever changes in place.
    config : further settings, given when the topic is made and then left to the operator.
    """

    name: str
    partitions: int
    cleanup_policy: str
    config: Mapping[str, str] = field(default_factory=dict)


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
        """The empty topic that Faust subscribes to, so that partitions and tables are assigned."""
        return f"{self.app_id}-membership"

    @property
    def users_changelog(self) -> str:
        """The changelog of the users table, named as Faust names it."""
        return f"{self.app_id}-users-changelog"

    @property
    def popularity(self) -> str:
        """Counts of every partition, for every worker."""
        return f"{self.app_id}-popularity"


def rejected_topic(models: str) -> str:
    """Return where rejections of what is announced in a topic go."""
    return f"{models}-rejected"


def topic_specs(names: TopicNames, partitions: int) -> list[TopicSpec]:
    """Return what every topic must be; `partitions` is N, the same for source, membership and changelog."""
    # who is erased is gone from a changelog that is written within a week, whatever little of it changes
    keep_newest = {
        "min.compaction.lag.ms": str(6 * _HOUR_MS),
        "max.compaction.lag.ms": str(7 * _DAY_MS),
        "segment.ms": str(_DAY_MS),
        "delete.retention.ms": str(_DAY_MS),
    }
    week = {"retention.ms": str(7 * _DAY_MS)}
    return [
        TopicSpec(names.member_events, partitions, "delete", {**week, "max.message.bytes": str(1 << 20)}),
        # a dead letter is the largest event and its headers
        TopicSpec(names.dead_letters, partitions, "delete", {**week, "max.message.bytes": str(2 << 20)}),
        TopicSpec(names.membership, partitions, "delete"),
        TopicSpec(names.users_changelog, partitions, "compact", {**keep_newest, "max.message.bytes": str(2 << 20)}),
        TopicSpec(names.popularity, 1, "compact", {"max.message.bytes": str(2 << 20)}),
        TopicSpec(names.catalogue, 1, "compact"),
        TopicSpec(names.models, 1, "compact"),
        TopicSpec(names.models_rejected, 1, "compact"),
    ]


async def create_topics(connection: Connection, specs: Sequence[TopicSpec], replication: int) -> list[str]:
    """Create the topics that do not exist and return their names; raises `TopicMismatch` for those that differ."""
    async with _admin(connection) as admin:
        existing = set(await admin.list_topics())
        missing = [spec for spec in specs if spec.name not in existing]
        if missing:
            new = [
                NewTopic(
                    spec.name,
                    spec.partitions,
                    replication,
                    topic_configs={"cleanup.policy": spec.cleanup_policy, **spec.config},
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
            return await check_topics(connection, specs)
        except TopicMissing:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


async def check_topics(connection: Connection, specs: Sequence[TopicSpec]) -> None:
    """Raise `TopicMismatch` unless every topic exists with its partition count and cleanup policy."""
    async with _admin(connection) as admin:
        existing = set(await admin.list_topics())
        found = [spec.name for spec in specs if spec.name in existing]
        partitions = await _partition_counts(admin, found)
        policies = await _cleanup_policies(admin, found)
    problems = [problem for spec in specs for problem in _problems(spec, partitions, policies)]
    if problems:
        raise (TopicMissing if len(found) < len(specs) else TopicMismatch)("; ".join(problems))


@asynccontextmanager
async def _admin(connection: Connection) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**connection.client_options())
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


def _problems(spec: TopicSpec, partitions: Mapping[str, int], policies: Mapping[str, str]) -> list[str]:
    if spec.name not in partitions:
        return [f"topic {spec.name} does not exist; `nearline topics create` makes it"]
    problems = []
    if partitions[spec.name] != spec.partitions:
        problems.append(
            f"topic {spec.name} has {partitions[spec.name]} partitions, {spec.partitions} are configured; the number "
            "never changes in place: set topics.partitions to it, or use a new application id and topic"
        )
    if policies[spec.name] != spec.cleanup_policy:
        problems.append(
            f"topic {spec.name} has cleanup.policy={policies[spec.name]}, it must be {spec.cleanup_policy}; "
            f"{_BEFORE_COMPACTING if spec.cleanup_policy == 'compact' else _BEFORE_DELETING}"
        )
    return problems


async def _partition_counts(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, int]:
    if not names:
        return {}
    described = await admin.describe_topics(list(names))
    return {topic["topic"]: len(topic["partitions"]) for topic in described}


async def _cleanup_policies(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, str]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    responses = await admin.describe_configs(resources)
    return {
        name: next(entry[1] for entry in entries if entry[0] == "cleanup.policy")
        for response in responses
        for _, _, _, name, entries in response.resources
    }
