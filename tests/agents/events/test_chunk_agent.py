"""Chunks in the agent: stale ones are dropped, dead letters go before rows, and no failure is outlived."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agents.events.chunk_agent import Read
from agents.events.chunks import Chunk
from agents.kafka.producer import Outgoing
from agents.users.pending_rows import Rows
from agents.users.user_state import UserState
from app.worker.metrics import WorkerMetrics
from models.factorization.factor_model import FactorModel
from models.factorization.model_id import ModelId
from models.feedback.events import Play
from tables.position import POSITION_KEY
from tests.support.event_path.changelog_log import Log
from tests.support.event_path.made_up_events import NOW
from tests.support.event_path.open_tables import opened
from tests.support.event_path.source_records import PARTITIONS, partition, source
from tests.support.event_path.worker_rig import Worker
from tests.support.leaving import Left
from tests.support.waiting import wait_for

USER = "ann"
AT = partition(USER)
EVERYTHING = float("inf")


class Broker(Log):
    """A changelog and a dead-letter topic, either of which may fail; `heard` is what came, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []
        self.letters: list[Outgoing] = []
        self.refuses_letters: Exception | None = None
        self.refuses_rows: Exception | None = None

    async def append(
        self, at: int, rows: Mapping[bytes, bytes | None], removed_at: Mapping[bytes, int], last: tuple[bytes, bytes]
    ) -> list[range]:
        """Append as the changelog does."""
        self.heard.append("rows")
        if self.refuses_rows is not None:
            raise self.refuses_rows
        return await super().append(at, rows, removed_at, last)

    async def send(self, records: Iterable[Outgoing]) -> None:
        """Take dead letters."""
        if letters := list(records):
            await asyncio.sleep(0)
            if self.refuses_letters is not None:
                raise self.refuses_letters
            self.heard.append("letters")
            self.letters += letters


@pytest.fixture
def broker() -> Broker:
    """It takes everything."""
    return Broker()


@pytest.fixture
async def worker(tmp_path: Path, broker: Broker, model: FactorModel, metrics: WorkerMetrics) -> AsyncIterator[Worker]:
    """A worker with empty tables."""
    async with opened(tmp_path / "table") as table:
        worker = Worker(table, broker, model, metrics)
        worker.take_over()
        yield worker


def chunk(worker: Worker, start: int, *videos: str, generation: int | None = None) -> Chunk:
    """Plays of the user, one a video, from a source offset on."""
    plays = [
        Play(
            event_id=f"e-{video}",
            user_id=USER,
            video_id=video,
            ts=NOW - timedelta(hours=40 - start),
            seconds_watched=60,
        )
        for video in videos
    ]
    records = source(plays)[AT]
    for offset, record in enumerate(records, start):
        record.offset = offset
    current = worker.ownership.generation if generation is None else generation
    return Chunk(current, {AT: records}, {AT: start})


def videos_in(row: bytes | None) -> set[str]:
    """The videos of a row's history."""
    return set(UserState.decode(row).history.videos)


async def acknowledged(worker: Worker) -> None:
    """Acknowledge whatever is written, and wait until it is stored."""
    await worker.log.acknowledge(dict.fromkeys(range(PARTITIONS), EVERYTHING))
    await worker.ownership.stored()


def left_over(worker: Worker) -> list[str]:
    """Why the process would have ended; the write under way ended by that."""
    write = worker.ownership._write
    assert write is not None
    assert isinstance(write.exception(), Left)
    return worker.supervisor.reasons


async def test_a_chunk_of_an_ended_generation_changes_nothing_and_is_counted(
    worker: Worker, metrics: WorkerMetrics
) -> None:
    await worker.ownership.revoke()
    worker.take_over()
    await worker.processor.process(chunk(worker, 0, "v1", generation=0))
    await acknowledged(worker)
    assert metrics.events.chunks_stale._value.get() == 1
    assert worker.table.position(AT) is None
    assert worker.log.records == {}
    await worker.processor.process(chunk(worker, 0, "v2"))
    await acknowledged(worker)
    assert metrics.events.chunks_stale._value.get() == 1
    assert videos_in(worker.table.read(AT, USER.encode())) == {"v2"}


async def test_rejected_records_are_dead_letters_before_anything_of_the_chunk_is_written(
    worker: Worker, broker: Broker
) -> None:
    bad = chunk(worker, 0, "v1", "v2", "v3")
    bad.records[AT][1].value = b"{"
    await worker.processor.process(bad)
    await acknowledged(worker)
    worker.check()
    assert broker.heard == ["letters", "rows"]
    assert [(letter.topic, letter.key, letter.value) for letter in broker.letters] == [("dead", USER.encode(), b"{")]
    assert videos_in(worker.table.read(AT, USER.encode())) == {"v1", "v3"}


@pytest.mark.parametrize("refused", ["letters", "rows"])
async def test_a_chunk_that_cannot_be_stored_ends_the_process_and_nothing_of_it_is_there(
    worker: Worker, broker: Broker, refused: str
) -> None:
    failing = chunk(worker, 0, "v1", "v2")
    failing.records[AT][1].value = b"{"
    setattr(broker, f"refuses_{refused}", ConnectionError("the broker said no"))
    await worker.log.acknowledge(dict.fromkeys(range(PARTITIONS), EVERYTHING))
    await worker.processor.process(failing)
    await worker.ownership.stored()
    assert left_over(worker) == ["a chunk could not be stored: ConnectionError('the broker said no')"]
    assert worker.table.position(AT) is None
    assert worker.table.read(AT, USER.encode()) is None
    assert broker.records == {}


async def test_a_chunk_that_cannot_be_prepared_ends_the_process(worker: Worker) -> None:
    lost = chunk(worker, 3, "v1")
    with pytest.raises(Left, match="a chunk could not be applied: RecordsLost"):
        await worker.processor.process(lost)
    assert not worker.ownership.writing


async def test_progress_is_what_is_stored(worker: Worker) -> None:
    before = worker.processor.last_progress
    await worker.processor.process(chunk(worker, 0, "v1"))
    assert worker.processor.last_progress == before
    await acknowledged(worker)
    assert worker.processor.last_progress > before


async def test_a_chunk_is_sent_when_the_one_before_is_stored(worker: Worker) -> None:
    await worker.processor.process(chunk(worker, 0, "v1"))
    second = asyncio.create_task(worker.processor.process(chunk(worker, 1, "v2")))
    await asyncio.to_thread(worker.member_events.wait_for, 2)
    for _ in range(20):
        await asyncio.sleep(0)
    assert not second.done()
    positions = [record for record in worker.log.records[AT] if record.key == POSITION_KEY]
    assert len(positions) == 1, "the second one is prepared, and not sent"
    await acknowledged(worker)
    await second
    await acknowledged(worker)
    worker.check()
    assert videos_in(worker.table.read(AT, USER.encode())) == {"v1", "v2"}


async def test_what_somebody_else_wrote_after_a_chunk_is_what_the_next_one_builds_on(worker: Worker) -> None:
    """The mender writes rows between two chunks; what the last chunk had in its hands is no longer of account then."""
    await worker.processor.process(chunk(worker, 0, "v1"))
    await acknowledged(worker)
    state = UserState.decode(worker.table.read(AT, USER.encode()))
    mended = replace(state, history=state.history.without("v1")).encode()
    worker.table.commit(AT, {USER.encode(): mended}, worker.table.changelog_offset(AT))
    assert worker.pending.read_many(AT, [USER.encode()]) == [mended]
    await worker.processor.process(chunk(worker, 1, "v2"))
    await acknowledged(worker)
    worker.check()
    assert videos_in(worker.table.read(AT, USER.encode())) == {"v2"}


async def test_an_erasure_in_the_next_chunk_removes_what_is_under_way_and_what_came_before_it(worker: Worker) -> None:
    await worker.processor.process(chunk(worker, 0, "v1"))
    erasing = chunk(worker, 1, "v2", "erased", "v3")
    erasing.records[AT][1].value = None
    second = asyncio.create_task(worker.processor.process(erasing))
    await asyncio.to_thread(worker.member_events.wait_for, 2)
    await acknowledged(worker)
    await second
    await acknowledged(worker)
    worker.check()
    assert videos_in(worker.table.read(AT, USER.encode())) == {"v3"}
    last = chunk(worker, 4, "v4", "erased again")
    last.records[AT][1].value = None
    await worker.processor.process(last)
    await acknowledged(worker)
    worker.check()
    assert worker.table.read(AT, USER.encode()) is None


def renamed(seen: list[Rows], version: str) -> Any:
    """What rewrites the user's row, with another version's name; what it reads goes to `seen`."""

    def prepare(read: Read) -> Mapping[int, Rows]:
        (row,) = read(AT, [USER.encode()])
        seen.append({USER.encode(): row})
        state = UserState.decode(row)
        return {AT: {USER.encode(): state.scored(ModelId("global", version), state.top).encode()}}

    return prepare


async def test_a_rewriting_builds_on_the_chunk_that_is_under_way(worker: Worker) -> None:
    await worker.processor.process(chunk(worker, 0, "v1"))
    await acknowledged(worker)
    await worker.log.acknowledge({AT: 1})
    await worker.processor.process(chunk(worker, 1, "v2"))
    seen: list[Rows] = []
    rewriting = asyncio.create_task(worker.processor.rewrite(worker.ownership.generation, renamed(seen, "other")))

    async def has_read() -> bool:
        return bool(seen)

    await wait_for("reading of the row", has_read)
    await acknowledged(worker)
    assert await rewriting == 1
    await acknowledged(worker)
    worker.check()
    assert videos_in(seen[0][USER.encode()]) == {"v1", "v2"}
    state = UserState.decode(worker.table.read(AT, USER.encode()))
    assert (set(state.history.videos), state.version, state.applied_offset) == ({"v1", "v2"}, "other", 1)
    assert worker.table.position(AT) == worker.pending.position(AT)


async def test_what_is_being_rewritten_is_what_the_next_one_reads(worker: Worker) -> None:
    await worker.processor.process(chunk(worker, 0, "v1"))
    await acknowledged(worker)
    await worker.log.acknowledge({AT: 0})
    seen: list[Rows] = []
    generation = worker.ownership.generation
    assert await worker.processor.rewrite(generation, renamed(seen, "second")) == 1
    again = asyncio.create_task(worker.processor.rewrite(generation, renamed(seen, "third")))

    async def has_read() -> bool:
        return len(seen) == 2

    await wait_for("reading of the row", has_read)
    assert UserState.decode(seen[1][USER.encode()]).version == "second"
    await acknowledged(worker)
    assert await again == 1
    await acknowledged(worker)
    worker.check()


async def test_rows_that_cannot_be_rewritten_end_the_process(worker: Worker, broker: Broker) -> None:
    await worker.processor.process(chunk(worker, 0, "v1"))
    await acknowledged(worker)
    row = worker.table.read(AT, USER.encode())
    broker.refuses_rows = ConnectionError("the broker said no")
    assert await worker.processor.rewrite(worker.ownership.generation, renamed([], "other")) == 1
    await worker.ownership.stored()
    (reason,) = left_over(worker)
    assert reason.startswith("rows that were made anew could not be stored: ConnectionError")
    assert worker.table.read(AT, USER.encode()) == row


async def test_rows_are_not_rewritten_in_an_ended_generation(worker: Worker) -> None:
    seen: list[Rows] = []
    await worker.ownership.revoke()
    assert await worker.processor.rewrite(0, renamed(seen, "other")) == 0
    assert seen == []
    assert worker.log.records == {}


async def test_rows_that_are_made_anew_do_not_bring_back_who_is_erased_by_the_chunk_under_way(worker: Worker) -> None:
    await worker.processor.process(chunk(worker, 0, "v1"))
    await acknowledged(worker)
    await worker.log.acknowledge({AT: 1})
    (erasure,) = source([USER])[AT]
    erasure.offset = 1
    await worker.processor.process(Chunk(worker.ownership.generation, {AT: [erasure]}, {AT: 1}))
    assert worker.table.read(AT, USER.encode()) is not None, "it is not stored yet"

    seen: list[bytes | None] = []

    def anew(read: Read) -> Mapping[int, Rows]:
        seen.extend(read(AT, [USER.encode()]))
        return {AT: {USER.encode(): seen[0]}}

    rewriting = asyncio.create_task(worker.processor.rewrite(worker.ownership.generation, anew))
    await wait_for("a look at the row", partial(_holds, seen))
    await acknowledged(worker)
    assert await rewriting == 0
    await acknowledged(worker)
    worker.check()
    assert worker.table.read(AT, USER.encode()) is None
    position = worker.table.position(AT)
    assert position is not None
    assert position.next_offset == 2


async def _holds(seen: list[bytes | None]) -> bool:
    return bool(seen)
