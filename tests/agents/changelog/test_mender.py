"""Whatever lands late in a changelog: in the end its last records alone are what the owner's database holds.

The tables are real; the changelog is a list, into which records of others land wherever the test says. What a row says
is decided by its key and its applied offset, as the source decides it.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from aiokafka.errors import KafkaTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.changelog.mender import Mender, _mend_all
from app.worker.metrics import WorkerMetrics
from tables.applied_offset import APPLIED_OFFSET, LOCAL, applied_offset_of
from tables.batch_table import BatchTable
from tables.extent import Extent
from tables.intrusions import INTRUSIONS_KEY
from tables.position import POSITION_KEY, Position
from tables.replay import Replay
from tables.rows_aside import aside_key, decode_aside
from tables.tombstones import tombstone_headers, tombstone_key, tombstone_offset
from tests.support.own_partitions import own_partitions

KEYS = [b"u1", b"u2", b"u3"]
Late = tuple[bytes, bytes | None, int | None]
"""Key, row and, of a tombstone, applied offset."""


def row(applied_offset: int) -> bytes:
    """A row of any kind: applied offset first."""
    return APPLIED_OFFSET.pack(applied_offset) + b"%d" % applied_offset


class Log:
    """One partition's changelog."""

    max_record_bytes = 1000

    def __init__(self) -> None:
        self.records: list[Any] = []
        self.lands_between: list[Late] = []
        self.reads: list[range] = []

    def land(self, key: bytes, value: bytes | None, removed_at: int | None) -> None:
        """Put a record at the end."""
        headers = () if value is not None or removed_at is None else tuple(tombstone_headers(removed_at))
        self.records.append(SimpleNamespace(offset=len(self.records), key=key, value=value, headers=headers))

    async def append(
        self,
        partition: int,
        rows: Mapping[bytes, bytes | None],
        removed_at: Mapping[bytes, int],
        last: tuple[bytes, bytes],
    ) -> Sequence[range]:
        """Append each record as a batch of its own, between which others may land."""
        landed = []
        for key, value in (*rows.items(), last):
            if self.lands_between:
                self.land(*self.lands_between.pop())
            landed.append(range(len(self.records), len(self.records) + 1))
            self.land(key, value, removed_at.get(key))
        return landed

    async def read(self, partition: int, place: range) -> tuple[Sequence[Any], range]:
        """Read two records of a place."""
        part = place[:2]
        self.reads.append(part)
        return self.records[part.start : part.stop], part

    def compacted(self) -> dict[bytes, bytes]:
        """What compaction leaves of it, tombstones aside."""
        last = {record.key: record.value for record in self.records}
        return {key: value for key, value in last.items() if value is not None}


class Owner:
    """The partition's owner."""

    def __init__(self, table: BatchTable, log: Log, metrics: WorkerMetrics) -> None:
        self.table, self.log, self.metrics = table, log, metrics
        self.own = own_partitions(table, log, metrics.users)
        self.ownership, self.writer = self.own.ownership, self.own.writer
        self.mender = Mender(self.own, log.read)
        self.take_over()

    def take_over(self) -> None:
        """Recover and run."""
        replay = Replay(self.table, 0)
        rest = self.log.records[replay.next_offset :]
        for first in range(0, len(rest), 3):
            part = rest[first : first + 3]
            replay.apply(part, part[-1].offset + 1)
        self.ownership.start({0: self.position})

    @property
    def position(self) -> int:
        """Where it stands in the source."""
        stored = self.table.position(0)
        return stored.next_offset if stored else 0

    async def chunk(self, changes: Mapping[bytes, bool], records: int = 1) -> None:
        """Apply so many source records, by which keys are written, or removed where True."""
        after = self.position + records
        rows = {key: None if removed else row(after - 1) for key, removed in changes.items()}
        rows = {key: value for key, value in rows.items() if self._newest(key) < after - 1}
        async with self.ownership.turn(self.ownership.generation):
            await self.writer.write(0, rows, Position(after, 1))

    def _newest(self, key: bytes) -> int:
        """The source offset up to which a key is done: a part of a chunk that somebody else began may be ahead."""
        stored = self.table.read_many(0, [key, tombstone_key(key)])
        return max((applied_offset_of(one) for one in stored if one is not None), default=-1)

    def rows(self) -> dict[bytes, bytes]:
        """What its database holds of the changelog."""
        return {key: value for key, value in self.table.scan(0, b"") if not key.startswith((LOCAL, b"__faust"))}


applied_offsets = st.integers(0, 12)
late = st.one_of(
    st.builds(lambda key, applied_offset: (key, row(applied_offset), None), st.sampled_from(KEYS), applied_offsets),
    st.builds(
        lambda key, applied_offset: (key, None, applied_offset),
        st.sampled_from(KEYS),
        st.one_of(st.none(), applied_offsets),
    ),
    st.builds(lambda after: (POSITION_KEY, Position(after, 1).encode(), None), applied_offsets),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("chunk"), st.dictionaries(st.sampled_from(KEYS), st.booleans(), max_size=3)),
        st.tuples(st.just("land"), late),
        st.tuples(st.just("land between"), late),
        st.tuples(st.sampled_from(["mend", "look", "again", "anew"]), st.none()),
    ),
    max_size=14,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(steps)
async def test_compaction_never_takes_what_counts(
    make_table: Callable[[], BatchTable], metrics: WorkerMetrics, happened: list[tuple[str, Any]]
) -> None:
    log = Log()
    owner = Owner(make_table(), log, metrics)
    for what, which in happened:
        if what == "chunk":
            await owner.chunk(which)
        elif what == "land":
            log.land(*which)
        elif what == "land between":
            log.lands_between.append(which)
        elif what == "mend":
            await owner.mender.mend(0)
        elif what == "look":
            await owner.mender.look({0: len(log.records)})
        else:
            await owner.ownership.revoke()
            if what == "again":
                owner.take_over()
            else:
                owner = Owner(make_table(), log, metrics)
    log.lands_between.clear()
    await owner.chunk({}, records=20)  # so that no late record is ahead
    await owner.mender.look({0: len(log.records)})
    assert await owner.mender.mend(0)
    assert log.compacted() == owner.rows()
    assert Extent.read(owner.table, 0) == Extent(len(log.records) - 1, len(log.records) - 1)
    held = owner.rows()
    rebuilt = Owner(make_table(), log, metrics)
    assert rebuilt.rows() == held
    assert all(applied_offset_of(value) <= owner.position for value in held.values())


async def owning(make_table: Callable[[], BatchTable], metrics: WorkerMetrics) -> Owner:
    """An owner at source position 10 with u1 and u2, and u3 removed."""
    owner = Owner(make_table(), Log(), metrics)
    await owner.chunk({b"u1": False, b"u2": False, b"u3": True}, records=10)
    return owner


async def test_late_rows_are_followed_by_those_that_count_and_nothing_else(
    make_table: Callable[[], BatchTable], metrics: WorkerMetrics
) -> None:
    owner = await owning(make_table, metrics)
    before = owner.rows()
    owner.log.land(b"u1", row(3), None)
    owner.log.land(b"u3", row(4), None)
    await owner.chunk({})
    end = len(owner.log.records)
    assert await owner.mender.mend(0)
    assert {(record.key, record.value) for record in owner.log.records[end:-1]} == {
        (b"u1", before[b"u1"]),
        (b"u3", None),
    }
    tombstones = [record for record in owner.log.records[end:] if record.value is None]
    assert [tombstone_offset(record.headers) for record in tombstones] == [9], "as it was, at the position before"
    assert metrics.users.changelog_intruded._value.get() == 2
    end = len(owner.log.records)
    assert await owner.mender.mend(0)
    assert len(owner.log.records) == end, "it is done once"


async def test_own_rows_that_the_broker_took_twice_need_nothing(
    make_table: Callable[[], BatchTable], metrics: WorkerMetrics
) -> None:
    owner = await owning(make_table, metrics)
    for record in list(owner.log.records[:2]):
        owner.log.land(record.key, record.value, None)
    await owner.chunk({})
    end = len(owner.log.records)
    assert await owner.mender.mend(0)
    assert len(owner.log.records) == end


async def test_a_late_row_ahead_of_the_position_waits_for_it(
    make_table: Callable[[], BatchTable], metrics: WorkerMetrics
) -> None:
    owner = await owning(make_table, metrics)
    owner.log.land(b"u3", row(11), None)
    await owner.chunk({})  # to position 11, and no applied offset may reach that
    end = len(owner.log.records)
    assert not await owner.mender.mend(0)
    assert len(owner.log.records) == end
    assert owner.table.changelog_offset(0) < end - 1, "nor does the database claim it"
    await owner.chunk({})
    assert await owner.mender.mend(0)
    assert owner.table.read(0, b"u3") == row(11), "the event was passed here, and the source decides"
    assert len(owner.log.records) == end + 1, "it is the last of its key, so nothing is appended"


async def test_after_the_generation_nothing_is_written(
    make_table: Callable[[], BatchTable], metrics: WorkerMetrics
) -> None:
    owner = await owning(make_table, metrics)
    owner.log.land(b"u1", row(3), None)
    await owner.chunk({})
    end = len(owner.log.records)
    read = owner.log.read

    async def revoked_meanwhile(partition: int, place: range) -> tuple[Sequence[Any], range]:
        await owner.ownership.revoke()
        return await read(partition, place)

    mender = Mender(owner.own, revoked_meanwhile)
    assert not await mender.mend(0)
    assert not await mender.mend(0)
    assert len(owner.log.records) == end


async def test_what_lands_where_nothing_is_written_is_found(
    make_table: Callable[[], BatchTable], metrics: WorkerMetrics
) -> None:
    owner = await owning(make_table, metrics)
    end = len(owner.log.records)
    await owner.mender.look({0: end})
    assert len(owner.log.records) == end, "nothing landed"
    owner.log.land(b"u2", row(1), None)
    await owner.mender.look({0: end + 1})
    assert await owner.mender.mend(0)
    assert owner.log.compacted() == owner.rows()


async def test_rubbish_of_somebody_else_is_followed_by_what_counts(
    make_table: Callable[[], BatchTable], metrics: WorkerMetrics
) -> None:
    owner = await owning(make_table, metrics)
    for key in (b"u1", b"unknown", POSITION_KEY):
        for value in (b"abc", b"rubbish, and its first bytes are ahead of everything"):
            owner.log.land(key, value, None)
    owner.log.land(INTRUSIONS_KEY, row(1 << 40), None)
    await owner.chunk({})
    assert await owner.mender.mend(0)
    left = owner.log.compacted()
    del left[INTRUSIONS_KEY]  # of no use to anybody, and passed over
    assert left == owner.rows()
    assert Owner(make_table(), owner.log, metrics).rows() == owner.rows()


async def test_a_stored_row_that_cannot_be_read_is_not_written_again(
    make_table: Callable[[], BatchTable], metrics: WorkerMetrics
) -> None:
    owner = await owning(make_table, metrics)
    owner.table.commit(0, {b"u1": b"abc"}, owner.table.changelog_offset(0))
    for key in (b"u1", b"u2"):
        owner.log.land(key, row(3), None)
    owner.log.land(b"u1", b"abcd", None)
    await owner.chunk({})
    assert await owner.mender.mend(0)
    assert owner.log.compacted()[b"u1"] == owner.rows()[b"u1"] == row(3), "what can be read is better than nothing"
    assert owner.log.compacted()[b"u2"] == owner.rows()[b"u2"]


SOURCE = [(key, removed) for removed in (False, True, False) for key in (*KEYS, *KEYS)]
"""The events of the source: whom each is about, and whether it removes them."""


class Believer(Owner):
    """One of two who both believe that they own the partition; each event's row is decided by the source."""

    async def events(self, count: int, *, crash: bool = False) -> None:
        """Apply so many events as one chunk; or crash when they have landed, before they are stored."""
        first, after = self.position, min(self.position + count, len(SOURCE))
        if first == after:
            return
        last = {SOURCE[offset][0]: offset for offset in range(first, after)}
        fresh = {key: offset for key, offset in last.items() if self._newest(key) < offset}
        rows = {key: None if SOURCE[offset][1] else row(offset) for key, offset in fresh.items()}
        removed_at = {key: offset for key, offset in fresh.items() if rows[key] is None}
        position = Position(after, 1)
        if crash:
            await self.log.append(0, rows, removed_at, (POSITION_KEY, position.encode()))
            await self.again()
        else:
            async with self.ownership.turn(self.ownership.generation):
                await self.writer.write(0, rows, position, removed_at=removed_at)

    async def again(self) -> None:
        """Lose the partition and get it back."""
        await self.ownership.revoke()
        self.take_over()

    async def round(self) -> None:
        """What the mender does in a minute."""
        await self.mender.mend(0)
        await self.mender.look({0: len(self.log.records)})
        await self.mender.mend(0)


decided = {key: row(offset) for offset, (key, removed) in enumerate(SOURCE) if not removed}
"""What must be there in the end: nothing of the source's last events removes."""

both = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(["events", "events", "events", "mend", "look", "again", "anew", "crash"]),
        st.integers(1, 7),
    ),
    max_size=24,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(both)
async def test_two_who_both_believe_come_to_the_same_and_to_an_end(
    make_table: Callable[[], BatchTable], metrics: WorkerMetrics, happened: list[tuple[int, str, int]]
) -> None:
    log = Log()
    believers = [Believer(make_table(), log, metrics) for _ in range(2)]
    for who, what, number in happened:
        one = believers[who]
        if what == "events":
            await one.events(number)
        elif what == "mend":
            await one.mender.mend(0)
        elif what == "look":
            await one.mender.look({0: len(log.records)})
        elif what == "again":
            await one.again()
        elif what == "crash":
            await one.events(number, crash=True)
        else:
            believers[who] = Believer(make_table(), log, metrics)
    for one in believers:
        await one.events(len(SOURCE))
    ends = []
    for _ in range(4):
        for one in believers:
            await one.round()
        ends.append(len(log.records))
    assert ends[1:] == ends[1:2] * 3, "the changelog grows by itself"
    expected = {**decided, POSITION_KEY: Position(len(SOURCE), 1).encode()}
    assert [one.rows() for one in believers] == [expected, expected]
    assert log.compacted() == expected
    assert Believer(make_table(), log, metrics).rows() == expected
    for one in believers:
        assert Extent.read(one.table, 0) == Extent(len(log.records) - 1, len(log.records) - 1)


async def test_without_events_two_append_nothing(make_table: Callable[[], BatchTable], metrics: WorkerMetrics) -> None:
    log = Log()
    first = Believer(make_table(), log, metrics)
    await first.events(len(SOURCE))
    second = Believer(make_table(), log, metrics)
    second.log.land(b"u1", row(2), None)
    for _ in range(2):
        for one in (first, second):
            await one.round()
    end = len(log.records)
    for _ in range(5):
        for one in (first, second):
            await one.round()
    assert len(log.records) == end
    assert log.compacted()[b"u1"] == decided[b"u1"]


async def test_an_old_owner_does_not_bring_back_whom_its_successor_removed(
    make_table: Callable[[], BatchTable], metrics: WorkerMetrics
) -> None:
    """Its late batch lands behind the removal; it gets the partition back, and everything is rebuilt from nothing."""
    log = Log()
    old = Believer(make_table(), log, metrics)
    await old.events(3)
    new = Believer(make_table(), log, metrics)
    await new.events(9)
    assert log.records[-2].value is None, "the successor removed all three"
    await old.events(1)
    assert set(old.rows()) - {POSITION_KEY} == set(KEYS)
    await new.ownership.revoke()
    await old.again()
    assert set(old.rows()) == {POSITION_KEY}
    await old.round()
    assert set(old.rows()) == {POSITION_KEY}
    assert set(log.compacted()) == {POSITION_KEY}
    assert set(Believer(make_table(), log, metrics).rows()) == {POSITION_KEY}


async def test_places_that_became_one_cost_reading_only(
    make_table: Callable[[], BatchTable], metrics: WorkerMetrics
) -> None:
    """Between more late batches than places are remembered, own rows are written over and over."""
    owner = await owning(make_table, metrics)
    for _ in range(80):
        owner.log.land(b"unknown", None, 1)
        await owner.chunk({b"u1": False, b"u2": True})
    assert len(Extent.read(owner.table, 0).places) == 64
    end, held = len(owner.log.records), owner.rows()
    assert await owner.mender.mend(0)
    assert len(owner.log.records) == end
    assert owner.rows() == held == owner.log.compacted()


async def test_a_generation_that_ends_while_the_mender_waits_for_its_turn_is_not_written_in(
    make_table: Callable[[], BatchTable], metrics: WorkerMetrics
) -> None:
    owner = await owning(make_table, metrics)
    owner.log.land(b"u1", row(3), None)
    await owner.chunk({})
    end = len(owner.log.records)
    async with owner.ownership.turn(owner.ownership.generation):
        mending = asyncio.create_task(owner.mender.mend(0))
        for _ in range(20):  # it reads the place, and then waits
            await asyncio.sleep(0)
        revocation = asyncio.create_task(owner.ownership.revoke())
        await asyncio.sleep(0)
    assert not await mending
    await revocation
    assert len(owner.log.records) == end


async def test_what_was_written_while_the_mender_waited_for_its_turn_is_not_taken_back(
    make_table: Callable[[], BatchTable], metrics: WorkerMetrics
) -> None:
    owner = await owning(make_table, metrics)
    owner.log.land(b"late", row(3), None)
    await owner.chunk({})
    position = owner.position
    async with owner.ownership.turn(owner.ownership.generation):
        mending = asyncio.create_task(owner.mender.mend(0))
        for _ in range(20):  # it reads the place, finds a row that is not held here, and then waits
            await asyncio.sleep(0)
        await owner.writer.write(0, {b"late": row(position)}, Position(position + 1, 1))
    assert await mending
    assert owner.table.read(0, b"late") == row(position)


async def test_what_is_set_aside_of_a_record_stays_when_a_tombstone_takes_the_records_place(
    make_table: Callable[[], BatchTable], metrics: WorkerMetrics
) -> None:
    """Nobody erased the key: the owner removes what it cannot read, and its bytes are kept to be looked at."""
    log = Log()
    log.land(b"u1", b"abc", None)
    log.land(POSITION_KEY, Position(3, 1).encode(), None)
    owner = Owner(make_table(), log, metrics)
    assert await owner.mender.mend(0)
    assert log.compacted().keys() == {POSITION_KEY}
    assert decode_aside(owner.table.read(0, aside_key(b"u1")) or b"").row == b"abc"


async def test_a_partition_whose_leader_is_gone_keeps_none_of_the_others_waiting(
    make_table: Callable[[], BatchTable], metrics: WorkerMetrics
) -> None:
    owner = await owning(make_table, metrics)
    owner.ownership.start({1: 0, 2: 0})
    asked = []

    async def mend(partition: int) -> bool:
        asked.append(partition)
        if partition == 1:
            raise KafkaTimeoutError
        return True

    mender: Any = SimpleNamespace(mend=mend)
    await _mend_all(mender, owner.own)
    assert asked == [0, 1, 2]
