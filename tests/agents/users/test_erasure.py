"""Erasure waits for its turn and for the position, and leaves when it cannot be sure; tombstones are purged."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

import pytest

from agents.changelog import table_flusher
from agents.changelog.table_flusher import purge_partition
from agents.users.erasure import Erasure
from agents.users.users import NotHere, Users
from app.worker.metrics import WorkerMetrics
from tables.applied_offset import APPLIED_OFFSET
from tables.batch_table import BatchTable
from tables.position import POSITION_KEY, Position
from tables.tombstones import TOMBSTONES_KEPT_MS, tombstone_key, tombstone_row
from tests.support.leaving import Left
from tests.support.own_partitions import own_partitions


class Log:
    """A changelog that takes everything, or nothing."""

    max_record_bytes = 1000

    def __init__(self, first: int) -> None:
        self.next = first
        self.fails = False
        self.appended: list[tuple[dict[bytes, bytes | None], Mapping[bytes, int]]] = []

    async def append(
        self,
        partition: int,
        rows: Mapping[bytes, bytes | None],
        removed_at: Mapping[bytes, int],
        last: tuple[bytes, bytes],
    ) -> Sequence[range]:
        """Append."""
        await asyncio.sleep(0)
        if self.fails:
            raise ConnectionError("no broker")
        self.appended.append((dict(rows), removed_at))
        landed = range(self.next, self.next + len(rows) + 1)
        self.next = landed.stop
        return [landed]


class Rig:
    """One partition with ann in it, at source position 10; ann's row has an applied offset."""

    def __init__(self, table: BatchTable, metrics: WorkerMetrics, applied_offset: int = 7) -> None:
        self.table, self.log = table, Log(first=5)
        table.commit(0, {b"ann": APPLIED_OFFSET.pack(applied_offset), POSITION_KEY: Position(10, 1).encode()}, 4)
        own = own_partitions(table, self.log, metrics.users)
        self.ownership = own.ownership
        self.ownership.start({0: 10})
        self.erasure = Erasure(Users(table, 1), own, metrics.users)


@pytest.fixture
def make_rig(make_table: Callable[[], BatchTable], metrics: WorkerMetrics) -> Callable[..., Rig]:
    return lambda **options: Rig(make_table(), metrics, **options)


async def test_a_user_is_removed_from_the_log_and_then_from_the_table(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    await rig.erasure.erase("ann")
    assert rig.log.appended == [({b"ann": None}, {b"ann": 9})]
    assert rig.table.read(0, b"ann") is None
    assert rig.table.read(0, tombstone_key(b"ann")) is not None
    await rig.erasure.erase("ann")
    assert len(rig.log.appended) == 1


async def test_it_waits_for_its_turn(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    async with rig.ownership.preparing(rig.ownership.generation):
        erasure = asyncio.create_task(rig.erasure.erase("ann"))
        for _ in range(5):
            await asyncio.sleep(0)
        assert rig.log.appended == []
    await erasure
    assert rig.log.appended != []


async def test_a_row_that_is_ahead_of_the_position_is_removed_when_that_has_passed_it(
    make_rig: Callable[..., Rig],
) -> None:
    """No tombstone could cover it before, and a rebuild would bring it back."""
    rig = make_rig(applied_offset=12)
    erasure = asyncio.create_task(rig.erasure.erase("ann"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert rig.log.appended == []
    rig.table.commit(0, {POSITION_KEY: Position(13, 1).encode()}, 4)
    await erasure
    assert rig.log.appended == [({b"ann": None}, {b"ann": 12})]


async def test_who_stops_waiting_does_not_stop_it(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    waiting = asyncio.create_task(rig.erasure.erase("ann"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    async with asyncio.timeout(60), rig.ownership.turn(rig.ownership.generation):
        assert rig.table.read(0, b"ann") is None


async def test_a_partition_that_went_is_not_written(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    await rig.ownership.revoke()
    with pytest.raises(NotHere):
        await rig.erasure.erase("ann")
    assert rig.log.appended == []


async def test_a_failed_tombstone_is_not_outlived(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    rig.log.fails = True
    with pytest.raises(Left, match="could not be erased"):
        await rig.erasure.erase("ann")
    assert rig.table.read(0, b"ann") is not None


async def test_what_is_remembered_of_tombstones_is_purged_after_a_day(
    make_table: Callable[[], BatchTable], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_flusher, "_PAUSE_SECONDS", 0.0)
    table, now_ms = make_table(), int(time.time() * 1000)
    old = [tombstone_key(b"old%d" % number) for number in range(450)]
    new = [tombstone_key(b"new%d" % number) for number in range(450)]
    table.commit(0, dict.fromkeys(old, tombstone_row(1, now_ms - TOMBSTONES_KEPT_MS - 60_000)), 1)
    table.commit(0, dict.fromkeys(new, tombstone_row(1, now_ms - TOMBSTONES_KEPT_MS + 3_600_000)), 2)
    await purge_partition(table, 0)
    assert table.read_many(0, old) == [None] * len(old)
    assert all(table.read_many(0, new))
    await purge_partition(table, 1)  # which is not open: it went elsewhere
