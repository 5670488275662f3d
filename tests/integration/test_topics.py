"""Topics on a real broker: made once, and refused with both numbers when they are something else."""

import time

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from agents.kafka.connection import Connection
from agents.kafka.topic_checks import warnings
from agents.kafka.topics import TopicMismatch, TopicNames, _describe, check_topics, create_topics, topic_specs
from tests.support.cluster.oracle import read_topic
from tests.support.waiting import wait_for


@pytest.fixture
def names(request: pytest.FixtureRequest) -> TopicNames:
    """Names of this test's own."""
    own = request.node.name.replace("_", "-")[5:40]
    return TopicNames(own, f"{own}-events", f"{own}-catalogue", f"{own}-models")


async def test_created_once_and_found_right(kafka: str, names: TopicNames) -> None:
    connection, specs = Connection(kafka), topic_specs(names, 3)
    with pytest.raises(TopicMismatch, match="does not exist; `nearline topics create` makes it"):
        await check_topics(connection, specs)
    assert await create_topics(connection, specs, 1) == [spec.name for spec in specs]
    assert await create_topics(connection, specs, 1) == []
    await check_topics(connection, specs)


async def test_a_wrong_partition_count_and_policy_are_refused_with_both(kafka: str, names: TopicNames) -> None:
    connection = Connection(kafka)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(names.member_events, 5, 1, topic_configs={"cleanup.policy": "compact"})])
    finally:
        await admin.close()
    with pytest.raises(TopicMismatch) as refused:
        await create_topics(connection, topic_specs(names, 3), 1)
    assert f"{names.member_events} has 5 partitions, 3 are configured" in str(refused.value)
    assert f"{names.member_events} has cleanup.policy=compact, it must be delete" in str(refused.value)


async def test_their_records_have_the_brokers_time_whatever_the_producer_says(kafka: str, names: TopicNames) -> None:
    await create_topics(Connection(kafka), topic_specs(names, 1), 1)
    before = int(time.time() * 1000)
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for _ in range(2):  # a batch of two, dated a month ago and in a month
            await producer.send(names.users_changelog, key=b"u", value=b"v", timestamp_ms=before - 30 * 86_400_000)
            await producer.send_and_wait(names.users_changelog, key=b"u", value=b"v", timestamp_ms=before * 2)
    found = [record.timestamp for record in await read_topic(kafka, names.users_changelog)]
    assert len(found) == 4
    assert all(before <= timestamp <= int(time.time() * 1000) for timestamp in found)


async def test_what_is_relied_upon_is_checked_on_what_is_there(kafka: str, names: TopicNames) -> None:
    connection, specs = Connection(kafka), topic_specs(names, 3)
    await create_topics(connection, specs, 1)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        changed = {"cleanup.policy": "compact", "delete.retention.ms": "1000", "message.timestamp.type": "CreateTime"}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, names.users_changelog, changed)])
    finally:
        await admin.close()
    said = ""

    async def is_refused() -> bool:  # the broker takes a moment to tell of it
        nonlocal said
        try:
            await check_topics(connection, specs)
        except TopicMismatch as refused:
            said = str(refused)
        return bool(said)

    await wait_for("a refusal", is_refused)
    assert f"{names.users_changelog} has delete.retention.ms=1000, it must be at least 86400000" in said
    others = [spec for spec in specs if spec.name != names.users_changelog]
    assert warnings(others, await check_topics(connection, others)) == []


async def test_a_topic_that_vanishes_while_it_is_looked_at_is_missing(kafka: str, names: TopicNames) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        assert await _describe(admin, [names.models]) == {}
    finally:
        await admin.close()
