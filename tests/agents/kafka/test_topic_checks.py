"""What is wrong with topics: what is refused, what is warned of, and what is neither."""

from collections.abc import Mapping

import pytest

from agents.kafka.topic_checks import FoundTopic, TopicSpec, problems, warnings
from agents.kafka.topics import TopicNames, topic_specs

NAMES = TopicNames("shop")
PARTITIONS = 4
BROKERS_DEFAULTS = {
    "message.timestamp.type": "CreateTime",
    "min.insync.replicas": "1",
    "unclean.leader.election.enable": "false",
    "delete.retention.ms": "86400000",
    "min.compaction.lag.ms": "0",
    "max.message.bytes": "1048588",
}


def specs() -> dict[str, TopicSpec]:
    """What every topic must be."""
    return {spec.name: spec for spec in topic_specs(NAMES, PARTITIONS)}


def found(spec: TopicSpec, config: Mapping[str, str] | None = None, replicas: int = 1) -> FoundTopic:
    """A topic as it is right after it was made, but for `config` (with _ for the dots)."""
    changed = {name.replace("_", "."): value for name, value in (config or {}).items()}
    return FoundTopic(
        spec.partitions,
        replicas,
        {**BROKERS_DEFAULTS, "cleanup.policy": spec.cleanup_policy, **spec.config, **changed},
    )


def test_what_topics_create_makes_is_right_and_gives_no_cause_for_a_warning() -> None:
    made = {name: found(spec) for name, spec in specs().items()}
    assert [problems(spec, made[name]) for name, spec in specs().items()] == [[]] * 8
    assert warnings(list(specs().values()), made) == []


def test_every_own_topic_has_the_brokers_time() -> None:
    assert {spec.config["message.timestamp.type"] for spec in specs().values()} == {"LogAppendTime"}


@pytest.mark.parametrize(
    ("topic", "config", "words"),
    [
        (NAMES.users_changelog, {"delete_retention_ms": "86399999"}, "86399999, it must be at least 86400000"),
        (NAMES.users_changelog, {"delete_retention_ms": "0"}, "delete.retention.ms=0"),
        (NAMES.users_changelog, {"max_message_bytes": "1000000"}, "max.message.bytes=1000000"),
        (
            NAMES.users_changelog,
            {"cleanup_policy": "compact,delete"},
            "cleanup.policy=compact,delete, it must be compact",
        ),
        (NAMES.dead_letters, {"max_message_bytes": "1048588"}, "max.message.bytes=1048588"),
        (NAMES.popularity, {"max_message_bytes": "1000"}, "max.message.bytes=1000"),
        (NAMES.member_events, {"min_insync_replicas": "2"}, "min.insync.replicas=2 and 1 replicas"),
    ],
)
def test_what_loses_or_stops_something_is_refused(topic: str, config: dict[str, str], words: str) -> None:
    (said,) = problems(specs()[topic], found(specs()[topic], config))
    assert words in said
    assert said.startswith(f"topic {topic} has ")
    assert "kafka-configs" in said


def test_a_day_is_enough_for_tombstones_and_what_an_earlier_release_made_is_taken() -> None:
    for spec in specs().values():
        before = found(spec, {"message_timestamp_type": "CreateTime", "delete_retention_ms": "86400000"})
        assert problems(spec, before) == []


@pytest.mark.parametrize(
    ("replicas", "config", "words"),
    [
        (1, {"message_timestamp_type": "CreateTime"}, "message.timestamp.type is CreateTime for"),
        (3, {"min_insync_replicas": "1"}, "min.insync.replicas is 1 for"),
        (2, {"min_insync_replicas": "1"}, "min.insync.replicas is 1 for"),
        (1, {"unclean_leader_election_enable": "true"}, "unclean.leader.election.enable is true for"),
        (1, {"min_compaction_lag_ms": "3599999"}, "min.compaction.lag.ms is below an hour for"),
    ],
)
def test_what_some_clusters_want_so_is_warned_of_by_name(replicas: int, config: dict[str, str], words: str) -> None:
    name, spec = NAMES.users_changelog, specs()[NAMES.users_changelog]
    (said,) = warnings([spec], {name: found(spec, config, replicas)})
    assert said.startswith(f"{words} {name}")
    assert problems(spec, found(spec, config, replicas)) == []


@pytest.mark.parametrize(("replicas", "least"), [(3, "2"), (1, "1"), (2, "2")])
def test_two_copies_or_one_broker_give_no_cause(replicas: int, least: str) -> None:
    name, spec = NAMES.users_changelog, specs()[NAMES.users_changelog]
    assert warnings([spec], {name: found(spec, {"min_insync_replicas": least}, replicas)}) == []


def test_topics_of_one_kind_are_named_together() -> None:
    made = {name: found(spec, {"message_timestamp_type": "CreateTime"}) for name, spec in specs().items()}
    (said,) = warnings(list(specs().values()), made)
    assert all(name in said for name in made)
