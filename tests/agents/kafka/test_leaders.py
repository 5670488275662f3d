"""Questions to leaders: each is asked apart, and what one does not answer takes nothing from the others."""

import asyncio
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaTimeoutError, NodeNotReadyError, TopicAuthorizationFailedError

from agents.kafka import leaders
from agents.kafka.connection import Connection
from agents.kafka.leaders import AnsweredElsewhere, LeaderQuestions, by_leader, ends_of, extents_of, learn_leaders
from agents.kafka.topics import TopicSpec, create_topics
from agents.liveness.watchdog import AWAY_SECONDS
from deploy.kafka.ports import free_ports
from tests.support.waiting import wait_for

_PLACES = [TopicPartition("topic", partition) for partition in range(4)]


class SomeLeaders:
    """A consumer, as far as questions need one, of a cluster whose partitions have these leaders."""

    def __init__(self, *led: int | None) -> None:
        self.led = list(led)
        self.silent: set[int] = set()
        self.speaks = asyncio.Event()
        self.raises: Exception | None = None
        self.asked: list[set[int]] = []
        self.looks = 0
        self.comes: list[int | None] = []
        cluster = SimpleNamespace(leader_for_partition=lambda at: self.led[at.partition])
        self._client = SimpleNamespace(cluster=cluster, force_metadata_update=self._look)

    async def _look(self) -> bool:
        self.looks += 1
        self.led = self.comes or self.led
        return True

    async def beginning_offsets(self, wanted: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return 3 for all."""
        return dict.fromkeys(wanted, 3)

    async def end_offsets(self, wanted: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Wait for ever where any leader is silent or missing, as aiokafka does for longer than anybody has time."""
        self.asked.append({at.partition for at in wanted})
        if self.raises is not None:
            raise self.raises
        if any(self.led[at.partition] in {*self.silent, -1, None} for at in wanted):
            await self.speaks.wait()
        return {at: 10 + at.partition for at in wanted}


class Clock:
    """The real one, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


def consumer_of(some: SomeLeaders) -> AIOKafkaConsumer:
    """Return it as what it stands for."""
    return cast(AIOKafkaConsumer, some)


def questions(some: SomeLeaders, clock: Clock | None = None, bootstrap: str = "127.0.0.1:1") -> LeaderQuestions:
    """Return what asks."""
    return LeaderQuestions(Connection(bootstrap), consumer_of(some), 60.0, clock or Clock())


def test_partitions_are_told_apart_by_their_leaders_and_those_of_nobody_are_together() -> None:
    found = by_leader(consumer_of(SomeLeaders(1, -1, 2, None)), _PLACES)
    assert found == {1: [_PLACES[0]], None: [_PLACES[1], _PLACES[3]], 2: [_PLACES[2]]}


@pytest.mark.parametrize("error", [NodeNotReadyError(), KafkaTimeoutError()])
async def test_what_another_try_may_change_is_no_answer(error: Exception) -> None:
    some = SomeLeaders(1, 1, 1, 1)
    assert await ends_of(consumer_of(some), _PLACES) == {at: 10 + at.partition for at in _PLACES}
    assert await extents_of(consumer_of(some), _PLACES) == {at: range(3, 10 + at.partition) for at in _PLACES}
    some.raises = error
    assert (await ends_of(consumer_of(some), _PLACES), await extents_of(consumer_of(some), _PLACES)) == ({}, {})


async def test_what_no_try_changes_is_raised() -> None:
    some = SomeLeaders(1, 1, 1, 1)
    some.raises = TopicAuthorizationFailedError("topic")
    for ask in (ends_of, extents_of):
        with pytest.raises(TopicAuthorizationFailedError):
            await ask(consumer_of(some), _PLACES)
    with pytest.raises(TopicAuthorizationFailedError):
        await questions(some).ask(_PLACES)


async def test_a_silent_leader_is_not_waited_for_longer_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaders, "ANSWER_SECONDS", 0.05)
    some = SomeLeaders(1, 1, 1, 1)
    some.silent = {1}
    async with asyncio.timeout(10.0):
        assert (await ends_of(consumer_of(some), _PLACES), await extents_of(consumer_of(some), _PLACES)) == ({}, {})


async def test_who_answers_is_heard_and_the_others_are_named() -> None:
    clock, some = Clock(), SomeLeaders(1, -1, 2, 1)
    some.silent = {2}
    asking = questions(some, clock)
    async with asyncio.timeout(10.0):
        found = await asking.ask(_PLACES)
    assert found == {at: range(3, 10 + at.partition) for at in (_PLACES[0], _PLACES[3])}
    assert asking.unanswered == {_PLACES[1]}, "the silent one has its time"
    assert (asking.under_way, asking.orphans(_PLACES)) == ({_PLACES[2]}, {_PLACES[1]})
    assert asking.leaderless == set(), "an election takes a moment"
    clock.ahead += AWAY_SECONDS + 1
    assert asking.leaderless == {1}
    assert some.asked == [{0, 3}, {2}], "nobody is asked about what nobody leads"
    asking.close()


async def test_an_answer_that_is_late_comes_with_a_later_call_and_its_leader_is_asked_once() -> None:
    some = SomeLeaders(1, 2, 1, 2)
    some.silent = {2}
    asking = questions(some)
    assert set(await asking.ask(_PLACES)) == {_PLACES[0], _PLACES[2]}
    assert await asking.ask(_PLACES[1::2]) == {}
    some.speaks.set()

    async def answered() -> dict[TopicPartition, range]:
        return await asking.ask(_PLACES[1::2])

    assert set(await wait_for("late answer", answered)) == {_PLACES[1], _PLACES[3]}
    assert some.asked == [{0, 2}, {1, 3}]


async def test_a_leader_that_did_not_answer_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaders, "ANSWER_SECONDS", 0.05)
    some = SomeLeaders(1, 1, 1, 1)
    some.silent = {1}
    asking = questions(some)

    async def given_up() -> bool:
        await asking.ask(_PLACES)
        return asking.unanswered == set(_PLACES)

    await wait_for("end of a question", given_up)
    some.silent = set()

    async def answered() -> dict[TopicPartition, range]:
        return await asking.ask(_PLACES)

    assert set(await wait_for("answer", answered)) == set(_PLACES)
    assert asking.unanswered == set()


async def test_who_leads_in_the_place_of_a_silent_one_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaders, "ANSWER_SECONDS", 0.05)
    clock, some = Clock(), SomeLeaders(1, 1, 1, 1)
    some.silent = {1}
    asking = questions(some, clock)

    async def given_up() -> bool:
        await asking.ask(_PLACES)
        return asking.unanswered == set(_PLACES)

    await wait_for("end of a question", given_up)
    some.comes = [2, 2, 2, 2]
    clock.ahead += 1.0

    async def answered() -> dict[TopicPartition, range]:
        return await asking.ask(_PLACES)

    assert set(await wait_for("answer of another leader", answered, 10.0)) == set(_PLACES)
    asking.close()


async def test_a_leader_that_comes_is_seen_and_is_looked_for_once_a_second() -> None:
    clock, some = Clock(), SomeLeaders(-1, None, -1, None)
    asking = questions(some, clock)
    for _ in range(3):
        assert await asking.ask(_PLACES) == {}
    assert some.looks == 1
    some.comes = [1, 1, 2, 2]
    clock.ahead += 1.0
    assert set(await asking.ask(_PLACES)) == set(_PLACES)
    assert some.looks == 2
    assert asking.unanswered == set()


async def test_what_another_leader_has_by_now_is_not_held_against_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaders, "ANSWER_SECONDS", 0.3)
    some = SomeLeaders(1, 2, 2, 2)
    some.silent = {2}
    asking = questions(some)
    await asking.ask(_PLACES, 0.01)
    some.led = [1, 1, 2, 2]
    assert set(await asking.ask(_PLACES, 0.1)) == set(_PLACES[:2])

    async def given_up() -> bool:
        await asking.ask([])
        return bool(asking.unanswered)

    await wait_for("end of the first question", given_up)
    assert asking.unanswered == set(_PLACES[2:])


async def test_a_connection_that_brings_no_answer_where_another_one_does_ends_it(kafka: str) -> None:
    topic = f"leaders-{uuid4().hex[:12]}"
    await create_topics(Connection(kafka), [TopicSpec(topic, 2, "delete")], 1)
    clock, some = Clock(), SomeLeaders(-1, -1)
    asking = questions(some, clock, kafka)
    places = [TopicPartition(topic, partition) for partition in range(2)]
    await asking.ask(places)
    clock.ahead += 61.0

    async def heard() -> bool:
        await asking.ask(places)
        return bool(asking._elsewhere)

    await wait_for("answer on another connection", heard)
    clock.ahead += AWAY_SECONDS - 2
    await asking.ask(places)  # the leader may have come back a moment ago
    clock.ahead += 3
    with pytest.raises(AnsweredElsewhere, match=r"no answer about the partitions \[0, 1\] for 6\d s, and another"):
        await asking.ask(places)
    asking.close()


async def test_what_nobody_answers_on_another_connection_either_is_asked_for_ever(kafka: str) -> None:
    clock, some = Clock(), SomeLeaders(-1, -1)
    for bootstrap in (kafka, f"127.0.0.1:{free_ports(1)[0]}"):
        asking = questions(some, clock, bootstrap)
        places = [TopicPartition(f"none-{uuid4().hex[:12]}", partition) for partition in range(2)]
        await asking.ask(places)
        for _ in range(2):
            clock.ahead += 61.0
            await asking.ask(places)
            assert asking._trying is not None

            async def tried(asking: LeaderQuestions = asking, places: list[TopicPartition] = places) -> bool:
                await asking.ask(places)
                return asking._trying is None

            await wait_for("end of a try", tried, 60)
        assert asking.leaderless == {0, 1}


@pytest.mark.parametrize("gives_up", [False, True])
async def test_a_start_does_not_need_anybody_who_tells_of_leaders(
    monkeypatch: pytest.MonkeyPatch, gives_up: bool
) -> None:
    monkeypatch.setattr(leaders, "ANSWER_SECONDS", 0.05)
    asked: list[str] = []

    async def add_topic(topic: str) -> Any:
        asked.append(topic)
        if gives_up:
            raise KafkaTimeoutError("nobody")
        await asyncio.Event().wait()

    consumer = SimpleNamespace(_client=SimpleNamespace(add_topic=add_topic))
    async with asyncio.timeout(5.0):
        await learn_leaders(cast(AIOKafkaConsumer, consumer), "topic")
    assert asked == ["topic"]
