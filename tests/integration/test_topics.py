"""Topics on a real broker: made once, and refused with both numbers when they are something else."""

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from agents.kafka.connection import Connection
from agents.kafka.topics import TopicMismatch, TopicNames, check_topics, create_topics, topic_specs


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
