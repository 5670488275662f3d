"""From records to durable rows: overlap, chunk borders, revocations and crashes end in the state of one at a time.

Everything is real but Kafka: the changelog is a list a partition, whose acknowledgements come when the test says so.
"""

import asyncio
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.events.chunk_agent import ChunkProcessor
from agents.events.chunk_sizes import ChunkSizes
from agents.events.chunks import Chunk
from agents.events.member_events import MemberEvents, PreparedChunk
from agents.kafka.producer import MAX_BATCH_BYTES, Outgoing
from agents.liveness.activity import Activity
from agents.metrics import Metrics
from agents.popularity.own_popularity import POPULARITY_PREFIX, OwnPopularity
from agents.users.erasure import Erasure
from agents.users.ownership import Ownership
from agents.users.pending_rows import PendingRows
from agents.users.recent_users import RecentUsers
from agents.users.row_writer import RowWriter
from agents.users.user_scores import UserScores
from agents.users.user_state import UserState
from models.factorization.factor_model import FactorModel
from models.feedback.events import Event, encode_event
from models.feedback.history import EMPTY_HISTORY
from tables.applied_offset import RESERVED
from tables.batch_table import BatchTable
from tables.position import Position
from tables.replay import Replay
from tables.tombstones import tombstone_headers, tombstone_offset
from tests.agents.events.test_member_events import BOUNDS, NOW, STORED_SCORES, events
from tests.real_tables import new_table

PARTITIONS = 2
USERS = ("ann", "bob", "cleo")
PATIENCE_SECONDS = 120.0
"""The first chunk may have to compile the numerics."""


@pytest.fixture(autouse=True)
def no_way_out(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A failure ends the test, not the process."""
    reasons: list[str] = []

    def leave(reason: str) -> None:
        reasons.append(reason)
        raise AssertionError(reason)

    for module in ("agents.events.chunk_agent", "agents.users.ownership", "agents.users.erasure"):
        monkeypatch.setattr(f"{module}.leave", leave)
    yield
    assert reasons == []


def partition(user: str) -> int:
    """Where a user's events are."""
    return len(user) % PARTITIONS


class Log:
    """The changelog: what was appended is there, and acknowledged once the gate is open."""

    max_record_bytes = MAX_BATCH_BYTES

    def __init__(self) -> None:
        self.records: dict[int, list[Any]] = defaultdict(list)
        self.lands = True
        """Whether what waits for its acknowledgement is in the log already."""
        self._acknowledged: dict[int, float] = defaultdict(int)
        self._more = asyncio.Condition()

    async def acknowledge(self, reached: Mapping[int, float]) -> None:
        """Acknowledge, in each partition, what brings the source position up to `reached`."""
        async with self._more:
            self._acknowledged.update(reached)
            self._more.notify_all()

    async def append(
        self, at: int, rows: Mapping[bytes, bytes | None], removed_at: int, last: tuple[bytes, bytes]
    ) -> list[range]:
        """Append as the changelog does."""
        reached, lands = Position.decode(last[1]).next_offset, self.lands
        if not lands:
            await self._acknowledgement(at, reached)
        first = len(self.records[at])
        for key, value in (*rows.items(), last):
            headers = () if value is not None else tuple(tombstone_headers(removed_at))
            self.records[at].append(
                SimpleNamespace(offset=len(self.records[at]), key=key, value=value, headers=headers)
            )
        landed = [range(first, len(self.records[at]))]
        await self._acknowledgement(at, reached)
        return landed

    async def _acknowledgement(self, at: int, reached: int) -> None:
        async with self._more:
            await self._more.wait_for(lambda: self._acknowledged[at] >= reached)

    async def send(self, records: Iterable[Outgoing]) -> None:
        """Take dead letters, of which there are none."""
        assert not list(records)

    def tombstones(self) -> dict[tuple[int, int], set[str]]:
        """Return who was erased, by partition and source position."""
        found: dict[tuple[int, int], set[str]] = defaultdict(set)
        for at, written in self.records.items():
            for record in written:
                if record.value is None and not record.key.startswith(RESERVED):
                    applied_offset = tombstone_offset(record.headers)
                    assert applied_offset is not None
                    found[at, applied_offset + 1].add(record.key.decode())
        return found

    def compacted(self, at: int) -> list[Any]:
        """Return the newest record of each key, at its offset."""
        newest = {record.key: record.offset for record in self.records[at]}
        return [record for record in self.records[at] if newest[record.key] == record.offset]


class Watched(MemberEvents):
    """Member events that tell how many chunks are prepared."""

    prepared = 0
    changed = threading.Condition()

    def prepare(self, chunk: Chunk) -> PreparedChunk:
        """Prepare, and count."""
        found = super().prepare(chunk)
        with self.changed:
            self.prepared += 1
            self.changed.notify_all()
        return found

    def wait_for(self, count: int) -> None:
        """Wait until so many chunks are prepared; in a thread."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.prepared >= count, PATIENCE_SECONDS)


class Worker:
    """One worker's way of the events, on a table that is open."""

    def __init__(self, table: BatchTable, log: Log, model: FactorModel, metrics: Metrics) -> None:
        self.table, self.log = table, log
        self.ownership = Ownership(table.running, PATIENCE_SECONDS)
        self.popularity = OwnPopularity(30, metrics)
        self.pending = PendingRows(table)
        scores = UserScores(lambda _: model, STORED_SCORES, metrics)
        self.member_events = Watched(
            self.pending, scores, self.popularity, BOUNDS, PARTITIONS, metrics, RecentUsers(), NOW.timestamp
        )
        self.writer = RowWriter(log, table, metrics)
        producer: Any = log
        sizes, self.activity = ChunkSizes(1000, MAX_BATCH_BYTES), Activity()
        self.processor = ChunkProcessor(
            self.member_events,
            self.pending,
            self.writer,
            self.ownership,
            producer,
            "dead",
            sizes,
            self.activity,
            metrics,
        )
        users: Any = SimpleNamespace(partition_of=partition, holds=lambda at: at in table.running)
        self.erasure = Erasure(users, table, self.ownership, self.writer, metrics)
        self.handed = 0
        self.reached: dict[int, float] = {}
        """Source positions of the chunks so far."""

    def take_over(self) -> dict[int, int]:
        """Begin an generation where the table stands, and return where that is."""
        self.popularity.forget()
        starts = {}
        for at in range(PARTITIONS):
            self.popularity.begin(at)
            self.popularity.load(at, self.table.scan(at, POPULARITY_PREFIX))
            position = self.table.position(at)
            starts[at] = position.next_offset if position else 0
        self.ownership.start(starts)
        return starts

    async def hand_over(self, chunk: Chunk, *, acknowledge_first: bool, revoke: bool = False) -> None:
        """Process a chunk; the one before is acknowledged before this one is prepared, or after.

        A revocation comes when this one is prepared, and the one before perhaps not stored yet.
        """
        if acknowledge_first:
            await self.log.acknowledge(self.reached)
            await self.ownership.stored()
        processed = asyncio.create_task(self.processor.process(chunk))
        self.handed += 1
        prepared = asyncio.create_task(asyncio.to_thread(self.member_events.wait_for, self.handed))
        await asyncio.wait([processed, prepared], return_when=asyncio.FIRST_COMPLETED)
        if not prepared.done():
            await processed  # it failed, or has only just been faster
        await prepared
        revocation = asyncio.create_task(self.ownership.revoke()) if revoke else None
        await asyncio.sleep(0)
        await self.log.acknowledge(self.reached)
        await processed
        self.reached |= {at: records[-1].offset + 1 for at, records in chunk.records.items()}
        if revocation is not None:
            await self.log.acknowledge(self.reached)
            await revocation

    async def erase(self, user: str) -> None:
        """Erase a user; the chunk under way, if there is one, is stored before."""
        erasure = asyncio.create_task(self.erasure.erase(user))
        await asyncio.sleep(0)
        await self.log.acknowledge(self.reached)
        await self.ownership.stored()
        position = self.table.position(partition(user))
        if position is not None:
            await self.log.acknowledge({partition(user): position.next_offset})
        await erasure
        assert self.table.read(partition(user), user.encode()) is None

    async def revoke(self) -> None:
        """End the generation, before anything more is acknowledged."""
        revocation = asyncio.create_task(self.ownership.revoke())
        await asyncio.sleep(0)
        await self.log.acknowledge(self.reached)
        await revocation

    async def stored(self) -> None:
        """Wait until everything is stored."""
        await self.log.acknowledge(self.reached)
        await self.ownership.stored()

    async def crash(self) -> None:
        """Stop where it stands: what waits for its acknowledgement never hears of it."""
        for _ in range(20):  # it has been sent
            await asyncio.sleep(0)
        write = self.ownership._write
        if write is not None:
            write.cancel()
            await asyncio.wait([write])


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[BatchTable]:
    """Open a table's databases in a folder, as Faust does, and close them."""
    table = new_table(folder, PARTITIONS)
    for at in range(PARTITIONS):
        table.open(at)
    yield table
    table.data._dbs.clear()  # type: ignore[attr-defined]


def recover(table: BatchTable, log: Log, *, compacted: bool) -> None:
    """Bring a table to the end of the changelog."""
    for at, written in log.records.items():
        replay = Replay(table, at)
        records = log.compacted(at) if compacted else written
        replay.apply([one for one in records if one.offset >= replay.next_offset], len(written))


def source(happened: Sequence[Event]) -> dict[int, list[Any]]:
    """Return the source records by partition."""
    records: dict[int, list[Any]] = {at: [] for at in range(PARTITIONS)}
    for event in happened:
        at = partition(event.user_id)
        records[at].append(
            SimpleNamespace(
                topic="events",
                partition=at,
                offset=len(records[at]),
                timestamp=1,
                key=event.user_id.encode(),
                value=encode_event(event),
                headers=(),
            )
        )
    return records


def state(table: BatchTable) -> dict[tuple[int, bytes], Any]:
    """Return what the table holds, but for the changelog's offset; scores apart, which rounding may change."""
    found: dict[tuple[int, bytes], Any] = {}
    for at in range(PARTITIONS):
        found[at, b"position"] = table.position(at)
        found |= {(at, key): row for key, row in table.scan(at, POPULARITY_PREFIX)}
        for user in USERS:
            one = UserState.decode(table.read(at, user.encode()))
            found[at, user.encode()] = (one.history, one.applied_offset, one.recent)
    return found


happening = st.sampled_from(
    ["chunk", "chunk", "chunk", "chunk", "chunk and revoke", "revoke", "erase", "crash", "lose the folder"]
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=15
)
@given(happened=st.lists(events(), min_size=1, max_size=25, unique_by=lambda event: event.event_id), data=st.data())
async def test_however_it_is_cut_and_broken_off_the_end_is_that_of_one_event_at_a_time(
    tmp_path_factory: pytest.TempPathFactory,
    model: FactorModel,
    metrics: Metrics,
    happened: list[Event],
    data: st.DataObject,
) -> None:
    records = source(happened)
    log, folder, finished = Log(), tmp_path_factory.mktemp("run"), False
    while not finished:
        async with opened(folder) as table:
            recover(table, log, compacted=data.draw(st.booleans()))
            how = await run(Worker(table, log, model, metrics), records, data)
            finished = how == "finished"
            if finished:
                found, lists = state(table), tops(table)
        if how == "lose the folder":
            folder = tmp_path_factory.mktemp("run")
    async with opened(tmp_path_factory.mktemp("rebuilt")) as table:
        recover(table, log, compacted=True)
        assert state(table) == found

    erased = log.tombstones()
    async with opened(tmp_path_factory.mktemp("singly")) as table:
        await singly(Worker(table, Log(), model, metrics), records, erased)
        assert state(table) == found
        assert_close(tops(table), lists)
    for user in {event.user_id for event in happened}:
        at = partition(user)
        since = max(
            (position for position in erased if user in erased[position] and position[0] == at), default=(at, 0)
        )
        own = [event for event in happened if partition(event.user_id) == at][since[1] :]
        history, _, _ = found[at, user.encode()]
        assert history == EMPTY_HISTORY.apply([one for one in own if one.user_id == user], BOUNDS.history_limit)


async def singly(
    worker: Worker, records: Mapping[int, Sequence[Any]], erased: Mapping[tuple[int, int], set[str]]
) -> None:
    """Apply one record after the other, and erase users where they were erased."""
    worker.take_over()
    for at, waiting in records.items():
        for record in waiting:
            await worker.hand_over(Chunk(0, {at: [record]}, {at: record.offset}), acknowledge_first=True)
            for user in erased.get((at, record.offset + 1), ()):
                await worker.erase(user)
    await worker.stored()


async def run(worker: Worker, records: Mapping[int, Sequence[Any]], data: st.DataObject) -> str:
    """Apply records until all are stored or the worker ends; return how that came."""
    at = worker.take_over()
    while any(at[partition] < len(waiting) for partition, waiting in records.items()):
        what = data.draw(happening)
        if what.startswith("chunk"):
            chunk, at = cut(worker.ownership.generation, at, records, data)
            if len(chunk):
                worker.log.lands = data.draw(st.booleans())
                first = data.draw(st.booleans())
                await worker.hand_over(chunk, acknowledge_first=first, revoke=what == "chunk and revoke")
                if what == "chunk and revoke":
                    at = worker.take_over()
        elif what == "erase":
            await worker.erase(data.draw(st.sampled_from(USERS)))
        elif what == "revoke":
            await worker.revoke()
            at = worker.take_over()
        else:
            await worker.crash()
            return what
    await worker.stored()
    return "finished"


def cut(
    generation: int, at: Mapping[int, int], records: Mapping[int, Sequence[Any]], data: st.DataObject
) -> tuple[Chunk, dict[int, int]]:
    """Return a chunk of the next records and where the following one begins."""
    borders = {one: len(records[one]) - data.draw(st.integers(0, len(records[one]) - at[one])) for one in at}
    taken = {one: records[one][at[one] : border] for one, border in borders.items() if border > at[one]}
    return Chunk(generation, taken, {one: at[one] for one in taken}), borders


def tops(table: BatchTable) -> list[Any]:
    """Return the stored scores of every user."""
    users = [(partition(user), user.encode()) for user in USERS]
    return [UserState.decode(table.read(at, key)).top.scores for at, key in users]


def assert_close(found: Sequence[Any], expected: Sequence[Any]) -> None:
    """Compare scores."""
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
