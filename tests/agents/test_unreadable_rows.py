"""Whatever bytes lie under whatever key: they cost that row, and every part that reads rows goes on.

The table is real; only what ends a process is a test's.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from copy import copy
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from agents.changelog.leave_when_broken import LeaveWhenBroken
from agents.changelog.metrics import ChangelogMetrics
from agents.events.chunks import Chunk
from agents.popularity.own_popularity import POPULARITY_PREFIX, OwnPopularity
from agents.popularity.takeover import take_counts_over
from agents.rollout.canary import Canary
from agents.rollout.models_in_use import ModelsInUse
from agents.rollout.stale_users import survey
from agents.users.ownership import Ownership
from agents.users.recent_users import RecentUsers
from agents.users.user_state import NEW_USER, UserState
from agents.users.users import Users
from app.worker.metrics import WorkerMetrics
from models.evaluation.canary import CanaryLimits
from models.factorization.factor_model import FactorModel
from models.feedback.history import EMPTY_HISTORY
from tables.batch_table import BatchTable
from tables.errors import NewerFormat, RowCorrupt
from tables.position import POSITION_KEY, Position
from tables.rows_aside import aside_key, decode_aside
from tests.support.announcements import announced
from tests.support.event_path.made_up_events import PEOPLE, ratings
from tests.support.event_path.source_records import partition, source
from tests.support.event_path.swapping_worker import Swapped, other, serving, with_rows
from tests.support.leaving import LeavingSupervisor, Left
from tests.support.real_tables import new_table
from tests.support.waiting import wait_for

ANN = PEOPLE[0]
GOOD = EMPTY_HISTORY.apply(ratings([ANN]), 5)
ROW = UserState(GOOD, 3, bytes(16), 1_764_000_000_000, b"8 bytes.global/test-1", bytes(40), bytes(40)).encode()


def changed(at: int, value: int) -> bytes:
    """A good row with another byte."""
    row = bytearray(ROW)
    row[at] = value
    return bytes(row)


def with_kind(kind: int) -> bytes:
    """A row whose facts are of another kind."""
    records = bytearray(GOOD.records)
    records[20::21] = bytes([kind] * len(GOOD))
    history = type(GOOD)(bytes(records), GOOD.ids, None)
    return UserState(history, 3, b"", 1_764_000_000_000).encode()


BAD = {
    "three bytes": b"abc",
    "nothing": b"",
    "an applied offset alone": ROW[:8],
    "text": b"a line of text that is longer than any header of a row is, and says nothing at all",
    "ones": b"\xff" * 60,
    "no such format": changed(8, 0),
    "a format too large for any": changed(8, 200),
    "cut": ROW[:-1],
    "too long": ROW + b"x",
    "other lengths": changed(13, 200),
    "ids that are no UTF-8": ROW.replace(b"v0", b"\xff\xfe"),
    "facts of no kind": with_kind(77),
    "written at no date": ROW[:24] + struct.pack("<q", 1 << 62) + ROW[32:],
}
bad = pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in BAD.items()])


@pytest.fixture
def models(metrics: WorkerMetrics, model: FactorModel) -> ModelsInUse:
    """One model that serves everybody."""
    return serving(model, metrics)


@pytest.fixture
async def worker(tmp_path: Path, models: ModelsInUse, metrics: WorkerMetrics) -> AsyncIterator[Swapped]:
    """A worker with a row for everybody, whose changelog acknowledges whatever comes."""
    async with with_rows(tmp_path / "table", models, metrics) as worker:
        yield worker


def put(table: BatchTable, key: bytes, row: bytes, at: int = 0) -> None:
    """Put bytes under a key, as whoever wrote them did."""
    table.commit(at, {key: row}, table.changelog_offset(at))


def users_of(worker: Swapped) -> Users:
    """How queries read."""
    users = Users(worker.table, 2)
    users.partition_of = partition  # type: ignore[method-assign, assignment]
    return users


@bad
async def test_a_query_finds_a_new_user_and_the_bytes_are_kept(worker: Swapped, row: bytes) -> None:
    at = partition(ANN)
    put(worker.table, ANN.encode(), row, at)
    assert users_of(worker).read(ANN) is NEW_USER
    kept = worker.table.read(at, aside_key(ANN.encode()))
    assert decode_aside(kept or b"").row == row
    assert users_of(worker).read(PEOPLE[1]).history.videos
    worker.table.running.discard(at)
    worker.table.complete_standbys.add(at)
    assert users_of(worker).read_standby(ANN) is None


@bad
async def test_the_next_event_begins_the_user_anew(worker: Swapped, row: bytes) -> None:
    at = partition(ANN)
    put(worker.table, ANN.encode(), row, at)
    before = {person: worker.row(person) for person in PEOPLE[1:]}
    position = worker.table.position(at)
    assert position is not None
    events = ratings([ANN])[:1]
    records = source(events)[at]
    records[0].offset = position.next_offset
    chunk = Chunk(worker.ownership.generation, {at: records}, {at: position.next_offset})
    await worker.hand_over(chunk, acknowledge_first=True)
    await worker.stored()
    state = UserState.decode(worker.row(ANN))
    assert state.history == EMPTY_HISTORY.apply(events, 5)
    assert (state.applied_offset, state.version) == (position.next_offset, "test-1")
    assert {person: worker.row(person) for person in PEOPLE[1:]} == before


@bad
async def test_re_solving_leaves_it_out_and_makes_everybody_else(
    worker: Swapped, models: ModelsInUse, model: FactorModel, row: bytes
) -> None:
    put(worker.table, ANN.encode(), row, partition(ANN))
    models.activate(other(model, "test-2", 2), announced("test-2", 1))
    task = asyncio.create_task(worker.rescoring.run(lambda: True))

    async def is_done() -> bool:
        if task.done():
            task.result()
        return not worker.rescoring._to_look_at()

    await wait_for("end of re-solving", is_done, 30)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await worker.ownership.stored()
    assert {UserState.decode(worker.row(person)).version for person in PEOPLE[1:]} == {"test-2"}
    assert worker.row(ANN) == row
    assert worker.table.read(partition(ANN), aside_key(ANN.encode())) is not None


@bad
async def test_a_canary_passes_it_over(worker: Swapped, models: ModelsInUse, model: FactorModel, row: bytes) -> None:
    put(worker.table, ANN.encode(), row, partition(ANN))
    recent = RecentUsers()
    recent.note(partition(ANN), ANN.encode())
    canary = Canary(
        table=worker.table,
        recent=recent,
        active_model=models.active,
        users=100,
        min_users=1,
        limits=CanaryLimits(min_overlap=0.0, max_score_drift=1000.0),
    )
    tried = await canary(model, other(model, "test-2", 2))
    assert tried.comparison is not None
    assert tried.comparison.users == len(PEOPLE) - 1


@bad
async def test_its_user_is_erased_as_any_other(worker: Swapped, row: bytes) -> None:
    key, at = ANN.encode(), partition(ANN)
    put(worker.table, key, row, at)
    users_of(worker).read(ANN)
    await worker.erase(ANN)
    assert worker.table.read_many(at, [key, aside_key(key)]) == [None, None]


async def test_what_was_set_aside_of_a_user_without_a_row_is_erased_too(worker: Swapped) -> None:
    at = partition("nobody")
    worker.table.set_row_aside(at, b"nobody", b"abc", RowCorrupt("cut"), 7)
    await worker.erase("nobody")
    assert worker.table.read(at, aside_key(b"nobody")) is None


async def test_what_was_set_aside_of_who_is_erased_and_comes_back_in_one_chunk_is_gone(worker: Swapped) -> None:
    """The chunk writes a row and no removal, so nothing else would take it along."""
    key, at = ANN.encode(), partition(ANN)
    put(worker.table, key, b"what Ann watched", at)
    users_of(worker).read(ANN)
    position = worker.table.position(at)
    assert position is not None
    events = ratings([ANN])[:1]
    back = source(events)[at][0]
    back.offset = position.next_offset + 1
    erased = copy(back)
    erased.offset, erased.value = position.next_offset, None
    chunk = Chunk(worker.ownership.generation, {at: [erased, back]}, {at: position.next_offset})
    await worker.hand_over(chunk, acknowledge_first=True)
    await worker.stored()
    assert UserState.decode(worker.row(ANN)).history == EMPTY_HISTORY.apply(events, 5)
    assert worker.table.read(at, aside_key(key)) is None


COUNT = POPULARITY_PREFIX + b"\0\0\0\1us\0v7"
BAD_COUNTS = {
    "three bytes": (COUNT, b"abc"),
    "too long": (COUNT, bytes(13)),
    "no applied offset": (COUNT, b"\xff" * 7 + b"\x7f" + bytes(4)),
    "no day": (POPULARITY_PREFIX + b"\0", bytes(12)),
    "no video": (POPULARITY_PREFIX + b"\0\0\0\1us", bytes(12)),
    "no text": (POPULARITY_PREFIX + b"\0\0\0\1\xff\0v7", bytes(12)),
    "a day to come": (POPULARITY_PREFIX + b"\x7f\0\0\1us\0v7", bytes(12)),
}


@pytest.mark.parametrize(("key", "row"), BAD_COUNTS.values(), ids=BAD_COUNTS)
async def test_a_count_begins_at_nothing(
    make_table: Callable[[], BatchTable], metrics: WorkerMetrics, key: bytes, row: bytes
) -> None:
    table = make_table()
    good = OwnPopularity(30, metrics.popularity)
    good.begin(0)
    for offset, event in enumerate(ratings([ANN])):
        good.add(0, event, offset)
    rows = good.take_rows(0)
    table.commit(0, {**rows, key: row}, 1)
    own = OwnPopularity(30, metrics.popularity)
    await take_counts_over(own, table, Ownership(table.running, 60.0, LeavingSupervisor()), {0})
    assert sum(len(videos) for videos in own._partitions[0].shares.values()) == len(rows) == 2
    assert table.read(0, aside_key(key)) is not None
    own.add(0, replace(ratings([ANN])[0], video_id="v39"), 9)
    assert len(own.take_rows(0)) == 1, "what comes next is counted"


LATER = changed(8, 3)[:9] + bytes([4, 5, 6]) + ROW[12:]


async def test_a_row_of_a_later_release_ends_the_worker_with_78_whoever_reads_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, models: ModelsInUse
) -> None:
    supervisor = LeavingSupervisor()
    metrics = ChangelogMetrics(CollectorRegistry())
    table = new_table(tmp_path, 1, watch=LeaveWhenBroken(supervisor, metrics))
    table.open(0)
    table.commit(0, {b"ann": LATER, b"bob": ROW, POSITION_KEY: Position(4, 1).encode()}, 2)
    table.running.add(0)
    with pytest.raises(Left) as queried:
        Users(table, 1).read("ann")
    with pytest.raises(Left) as surveyed:
        await survey(table, [0], models.active, 100)
    for left in (queried, surveyed):
        reason, status = left.value.args
        assert status == 78
        assert "partition 0: user row of format 3, written by release 4.5.6" in reason
        assert "Run that release" in reason
    assert table.read(0, aside_key(b"ann")) is None, "nothing is wrong with it"
    assert metrics.rows_set_aside._value.get() == 0
    table.data._dbs.clear()  # type: ignore[attr-defined]


def test_the_log_says_where_and_no_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    metrics = ChangelogMetrics(CollectorRegistry())
    table = new_table(tmp_path, 1, watch=LeaveWhenBroken(LeavingSupervisor(), metrics))
    table.open(0)
    table.running.add(0)
    put(table, b"ann of the hill", b"abc")
    for _ in range(3):
        Users(table, 1).read("ann of the hill")
    (line,) = caplog.messages
    assert line.startswith("partition 0: the row under the key of hash ")
    assert "ann of" not in line
    assert metrics.rows_set_aside._value.get() == 1
    table.data._dbs.clear()  # type: ignore[attr-defined]


keys = st.sampled_from(
    [b"ann", b"\xff\xfe", b"x" * 200, COUNT, POPULARITY_PREFIX, POPULARITY_PREFIX + b"abc"]
) | st.binary(min_size=1, max_size=20).filter(lambda key: not key.startswith((b"\0local\0", b"\0source", b"__faust")))
mutated = st.tuples(st.integers(0, len(ROW) - 1), st.binary(min_size=1, max_size=8)).map(
    lambda change: ROW[: change[0]] + change[1] + ROW[change[0] + len(change[1]) :]
)


@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=150)
@given(st.dictionaries(keys, st.binary(max_size=80) | mutated | st.sampled_from([*BAD.values(), ROW]), max_size=5))
async def test_any_bytes_under_any_key_stop_nobody(
    make_table: Callable[[], BatchTable],
    metrics: WorkerMetrics,
    models: ModelsInUse,
    model: FactorModel,
    rows: dict[bytes, bytes],
) -> None:
    """A row of a later format is drawn now and then; it may end a worker, and must say so."""
    table = make_table()
    table.commit(0, {**rows, b"bob": ROW, POSITION_KEY: Position(9, 1).encode()}, 1)
    table.running.add(0)
    users = Users(table, 1)
    with suppress(NewerFormat):
        found = await survey(table, [0], models.active, 100)
        assert found.users[0]["global"] >= 1
        await take_counts_over(
            OwnPopularity(30, metrics.popularity), table, Ownership(set(), 60.0, LeavingSupervisor()), {0}
        )
        canary = Canary(
            table=table,
            recent=RecentUsers(),
            active_model=models.active,
            users=100,
            min_users=1,
            limits=CanaryLimits(min_overlap=0.0, max_score_drift=1000.0),
        )
        await canary(model, other(model, "test-2", 2))
        assert users.read("bob").history == GOOD
        for key in rows:
            with suppress(UnicodeDecodeError):
                state = users.read(key.decode())
                assert state.history.videos is not None
                assert state.version is not None
