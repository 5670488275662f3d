"""What is wrong with a topic that exists: what no worker may start with, and what an operator should know of.

Refused is what loses or stops something for certain: too few partitions, a policy that deletes rows, tombstones that
go before every copy has seen them, records that are not taken. Warned of is what some clusters want so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

DAY_MS = 24 * 3600 * 1000
HOUR_MS = 3600 * 1000
BROKERS_TIME = "LogAppendTime"
_MIN_LAG = "min.compaction.lag.ms"


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
    at_least : settings of which correctness needs so much; checked at every start.
    """

    name: str
    partitions: int
    cleanup_policy: str
    config: Mapping[str, str] = field(default_factory=dict)
    at_least: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """A topic as it is.

    Parameters
    ----------
    partitions, replicas : how many, and of the partition that has fewest of them.
    config : every setting by its name.
    """

    partitions: int
    replicas: int
    config: Mapping[str, str]

    @property
    def keeps_producers_time(self) -> bool:
        """Whether records have the time that their producer gave them."""
        return self.config.get("message.timestamp.type", BROKERS_TIME) != BROKERS_TIME

    @property
    def taken_ahead_seconds(self) -> float:
        """How far ahead of the broker's clock it takes records, where it keeps their times."""
        return int(self.config.get("message.timestamp.after.max.ms", HOUR_MS)) / 1000


def problems(spec: TopicSpec, found: FoundTopic | None) -> list[str]:
    """Return why no worker may start with a topic."""
    if found is None:
        return [f"topic {spec.name} does not exist; `nearline topics create` makes it"]
    said = []
    if found.partitions != spec.partitions:
        said.append(
            f"topic {spec.name} has {found.partitions} partitions, {spec.partitions} are configured; the number "
            "never changes in place: set topics.partitions to it, or use a new application id and topic"
        )
    if (policy := found.config["cleanup.policy"]) != spec.cleanup_policy:
        said.append(
            f"topic {spec.name} has cleanup.policy={policy}, it must be {spec.cleanup_policy}; "
            f"{_BEFORE_COMPACTING if spec.cleanup_policy == 'compact' else _BEFORE_DELETING}"
        )
    for name, least in spec.at_least.items():
        if name in found.config and int(found.config[name]) < least:
            said.append(
                f"topic {spec.name} has {name}={found.config[name]}, it must be at least {least}; "
                "change it with kafka-configs"
            )
    if (needed := int(found.config.get("min.insync.replicas", 1))) > found.replicas:
        said.append(
            f"topic {spec.name} has min.insync.replicas={needed} and {found.replicas} replicas, so that nothing can be "
            "written to it; change it with kafka-configs, or give it more replicas"
        )
    return said


def warnings(specs: Sequence[TopicSpec], found: Mapping[str, FoundTopic]) -> list[str]:
    """Return what an operator should know of the topics, one sentence each."""
    said = []
    early = [
        spec.name for spec in specs if _MIN_LAG in spec.config and int(found[spec.name].config[_MIN_LAG]) < HOUR_MS
    ]
    if names := _those(found, lambda topic: topic.keeps_producers_time):
        said.append(
            f"message.timestamp.type is CreateTime for {names}: their records have the time of whoever writes them, so "
            f"that a wrong clock there dates events wrongly or keeps a worker from writing; {BROKERS_TIME} gives them "
            "the broker's, and kafka-configs changes it in place"
        )
    if names := _those(found, lambda topic: topic.replicas > 1 and topic.config.get("min.insync.replicas") == "1"):
        said.append(
            f"min.insync.replicas is 1 for {names}: a record counts as written when one broker has it, and is lost "
            "with that broker; with three replicas set it to 2 with kafka-configs"
        )
    if early:
        said.append(
            f"{_MIN_LAG} is below an hour for {', '.join(early)}: compaction may take a row before a late batch of a "
            "worker that was thought dead is noticed behind it; set it to 6 hours with kafka-configs"
        )
    if names := _those(found, lambda topic: topic.config.get("unclean.leader.election.enable") == "true"):
        said.append(
            f"unclean.leader.election.enable is true for {names}: a broker that lacks acknowledged records may become "
            "leader, and they are lost; set it to false with kafka-configs"
        )
    return said


def _those(found: Mapping[str, FoundTopic], which: Callable[[FoundTopic], bool]) -> str:
    return ", ".join(name for name, topic in found.items() if which(topic))
