"""Users whom murmur2 puts elsewhere are found in the rows, told to all workers, and told to people, not too often."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from agents.kafka.partitions import partition_of
from agents.kafka.producer import Outgoing
from agents.users import misplaced_watch
from agents.users.misplaced_users import MisplacedEverywhere, MisplacedUsers
from agents.users.misplaced_watch import MisplacedWatch
from tables.applied_offset import APPLIED_OFFSET
from tables.batch_table import BatchTable
from tables.position import POSITION_KEY, Position
from tests.support.own_partitions import own_partitions

PARTITIONS = 4
USERS = [f"user{number}" for number in range(40)]
ROW = APPLIED_OFFSET.pack(1)


class Rig:
    """A worker that owns partitions 0 and 2, and what it sends."""

    def __init__(self, table: BatchTable, running: Iterable[int] = (0, 2)) -> None:
        self.table, self.seconds = table, 1000.0
        self.sent: list[Outgoing] = []
        changelog: Any = None
        own = own_partitions(table, changelog)
        self.ownership = own.ownership
        for partition in running:
            table.commit(partition, {POSITION_KEY: Position(5, 1).encode()}, 0)
        self.ownership.start(dict.fromkeys(running, 5))
        self.here, self.everywhere = MisplacedUsers(), MisplacedEverywhere(PARTITIONS)
        producer: Any = self
        self.watch = MisplacedWatch(
            own, self.here, self.everywhere, producer, "counts", partitions=PARTITIONS, clock=lambda: self.seconds
        )

    async def send(self, records: Iterable[Outgoing]) -> None:
        """Take what goes to the topic, and let everybody hear of it."""
        for record in records:
            self.sent.append(record)
            self.everywhere.take(record)  # it has key and value, as what is read has

    def store(self, partition: int, users: Iterable[str]) -> None:
        """Store rows of users in a partition."""
        self.table.commit(partition, dict.fromkeys((user.encode() for user in users), ROW), 1)

    async def round(self) -> None:
        """One round."""
        await self.watch.look()
        await self.watch.tell()
        self.watch.log()


def belonging(partition: int) -> list[str]:
    """The users whom murmur2 puts into a partition."""
    return [user for user in USERS if partition_of(user.encode(), PARTITIONS) == partition]


@pytest.fixture
def rig(make_table: Callable[[], BatchTable], monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.setattr(misplaced_watch, "_KEYS_AT_ONCE", 3)
    return Rig(make_table())


async def test_without_such_users_nothing_is_said(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.store(0, belonging(0))
    await rig.round()
    assert (rig.sent, rig.watch.warning(), caplog.records) == ([], None, [])


async def test_rows_of_before_are_found_and_told_once(rig: Rig) -> None:
    rig.store(0, belonging(0))
    rig.store(2, USERS)
    strangers = len(USERS) - len(belonging(2))
    for _ in range(3):
        await rig.round()
    assert [(record.key, record.value) for record in rig.sent] == [(b"misplaced/2", b'{"users":%d}' % strangers)]
    assert (rig.watch.users(), rig.watch.partitions()) == (strangers, [2])
    warning = rig.watch.warning()
    assert warning is not None
    assert f"at least {strangers} users in the partitions 2 " in warning
    assert "murmur2_random" in warning


async def test_what_the_broker_does_not_take_is_sent_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.store(0, belonging(1)[:2])

    async def refuse(_: Iterable[Outgoing]) -> None:
        raise KafkaConnectionError("nobody leads the topic")

    with monkeypatch.context() as refusing:
        refusing.setattr(rig, "send", refuse)
        await rig.round()
    assert rig.sent == []
    await rig.round()
    assert rig.everywhere.partitions == {0}


async def test_what_events_bring_is_told_without_a_look(rig: Rig) -> None:
    await rig.round()
    rig.here.note(0, 3)
    await rig.round()
    assert [(record.key, record.value) for record in rig.sent] == [(b"misplaced/0", b'{"users":1}')]


async def test_an_hour_later_those_who_are_gone_are_forgotten(rig: Rig) -> None:
    rig.store(0, belonging(1))
    await rig.round()
    rig.table.commit(0, dict.fromkeys(user.encode() for user in belonging(1)), 2)
    await rig.round()
    assert rig.watch.partitions() == [0]
    rig.seconds += 3600.0
    await rig.round()
    assert [record.value is None for record in rig.sent] == [False, True]
    assert rig.watch.partitions() == []


async def test_what_is_told_of_a_partition_that_went_is_its_new_owners_affair(rig: Rig) -> None:
    rig.store(2, belonging(1))
    await rig.round()
    await rig.ownership.revoke()
    rig.ownership.start({0: 5})
    await rig.round()
    assert (len(rig.sent), rig.watch.partitions(), rig.everywhere.partitions) == (1, [], frozenset({2}))


async def test_what_an_owner_before_told_wrongly_is_set_right(rig: Rig) -> None:
    rig.everywhere.take(Outgoing("counts", b"misplaced/2", b'{"users":9}'))
    await rig.round()
    assert [(record.key, record.value) for record in rig.sent] == [(b"misplaced/2", None)]


async def test_the_log_says_it_once_a_minute_at_most_and_names_nobody(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    rig.store(2, belonging(1))
    await rig.round()
    assert len(caplog.records) == 1
    for _ in range(59):
        rig.seconds += 1.0
        rig.here.note(0, 10)
        await rig.round()
    assert len(caplog.records) == 1
    rig.seconds += 1.0
    await rig.round()
    assert len(caplog.records) == 2
    assert caplog.messages[1].startswith("590 events since the last such line, and at least ")
    assert "partitions 0, 2" in caplog.messages[1]
    rig.seconds += 1000.0
    await rig.round()
    assert len(caplog.records) == 2, "nothing is new"
    assert "user" not in "".join(caplog.messages).replace("users", "").replace("user's", "")


async def test_a_user_whose_row_is_being_written_while_a_look_begins_is_not_lost(rig: Rig) -> None:
    (stranger,) = belonging(1)[:1]
    rig.here.note(0, 1)
    acknowledged = asyncio.Event()

    async def write() -> None:
        await acknowledged.wait()
        rig.store(0, [stranger])

    async with rig.ownership.turn(0):
        rig.ownership.write(write())
    looking = asyncio.create_task(rig.watch.look())
    _, late = await asyncio.wait([looking], timeout=0.2)
    assert late, "it waits for the row"
    acknowledged.set()
    await looking
    assert rig.watch.partitions() == [0]


async def test_a_look_ends_with_the_generation(rig: Rig) -> None:
    rig.here.note(0, 1)
    async with rig.ownership.turn(0):
        looking = asyncio.create_task(rig.watch.look())
        await asyncio.sleep(0)
        rig.ownership.generation += 1
    await looking
    assert rig.watch.partitions() == [0]
