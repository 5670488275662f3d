"""The clock against a real broker's: what is harmless passes, what is not is refused with both times."""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from agents.kafka.broker_clock import ClockWrong, check_clock
from agents.kafka.connection import Connection
from tests.support.waiting import wait_for

HOUR = 3600.0
TAKEN_AHEAD = 1800.0
"""What these topics are made with, where they keep their producers' times."""


def shifted(seconds: float) -> Callable[[], float]:
    """A clock that is wrong by so much."""
    return lambda: time.time() + seconds


@pytest.fixture
async def make_topic(kafka: str, request: pytest.FixtureRequest) -> Callable[..., object]:
    """Make a topic of this test's own, and return its name."""

    async def make(**config: str) -> str:
        name = re.sub(r"\W", "-", request.node.name)[:60]
        async_admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await async_admin.start()
        try:
            await async_admin.create_topics([NewTopic(name, 1, 1, topic_configs=config)])
        finally:
            await async_admin.close()
        async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:  # it is everywhere once it takes a record
            await producer.send_and_wait(name, value=b"")
        return name

    return make


@pytest.mark.parametrize("hours", [-1.4, -1.0, 0.0, 1.0, 1.4])
async def test_an_hour_either_way_is_harmless(kafka: str, make_topic: Callable[..., object], hours: float) -> None:
    topic = await make_topic(**{"message.timestamp.type": "LogAppendTime"})  # type: ignore[misc]
    await check_clock(Connection(kafka), topic, HOUR, shifted(hours * HOUR))


@pytest.mark.parametrize(("hours", "words"), [(-25.0, "25.0 hours behind"), (1.6, "96 minutes ahead"), (720, "ahead")])
async def test_more_is_refused_with_both_times(
    kafka: str, make_topic: Callable[..., object], hours: float, words: str
) -> None:
    topic = await make_topic(**{"message.timestamp.type": "LogAppendTime"})  # type: ignore[misc]
    with pytest.raises(ClockWrong, match=words) as refused:
        await check_clock(Connection(kafka), topic, HOUR, shifted(hours * HOUR))
    here, broker = times(str(refused.value))
    assert abs(broker - time.time()) < 60
    assert abs(here - time.time() - hours * HOUR) < 60


@pytest.mark.parametrize("hours", [0.6, 1.2, 30.0, 24 * 400])
async def test_a_topic_that_keeps_our_time_refuses_what_is_ahead_and_both_times_are_told_all_the_same(
    kafka: str, make_topic: Callable[..., object], hours: float
) -> None:
    topic = await make_topic(
        **{"message.timestamp.type": "CreateTime", "message.timestamp.after.max.ms": str(int(TAKEN_AHEAD * 1000))}
    )  # type: ignore[misc]
    with pytest.raises(ClockWrong, match="ahead; set the clock") as refused:
        await check_clock(Connection(kafka), topic, TAKEN_AHEAD, shifted(hours * HOUR))
    here, broker = times(str(refused.value))
    assert abs(broker - time.time()) < 120
    assert abs(here - time.time() - hours * HOUR) < 60


@pytest.mark.parametrize("hours", [-25.0, 0.0, 0.4])
async def test_a_topic_that_keeps_our_time_cannot_tell_more_and_that_is_said(
    kafka: str, make_topic: Callable[..., object], hours: float, caplog: pytest.LogCaptureFixture
) -> None:
    topic = await make_topic(
        **{"message.timestamp.type": "CreateTime", "message.timestamp.after.max.ms": str(int(TAKEN_AHEAD * 1000))}
    )  # type: ignore[misc]
    await check_clock(Connection(kafka), topic, TAKEN_AHEAD, shifted(hours * HOUR))
    assert f"topic {topic} keeps the time of whoever writes to it" in caplog.text


async def test_a_topic_that_takes_no_record_is_said_and_keeps_nobody_from_starting(
    kafka: str, make_topic: Callable[..., object], caplog: pytest.LogCaptureFixture
) -> None:
    topic = await make_topic(**{"message.timestamp.type": "LogAppendTime"})  # type: ignore[misc]
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": "10"})])
    finally:
        await admin.close()

    async def takes_none() -> bool:  # the broker takes a moment to obey
        caplog.clear()
        with suppress(ClockWrong):
            await check_clock(Connection(kafka), topic, HOUR, shifted(30 * HOUR))
        return f"for topic {topic} takes no record" in caplog.text

    await wait_for("a warning", takes_none, 60)


def times(said: str) -> list[float]:
    """The times in a message."""
    found = re.findall(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", said)
    return [datetime.strptime(one, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp() for one in found]
