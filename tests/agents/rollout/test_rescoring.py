"""After a swap every row is made anew from its history, in between events, whatever breaks it off."""

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import structs

from agents.events.chunks import Chunk
from agents.rollout.models_in_use import ModelsInUse, Rescored
from agents.rollout.stale_users import Batch, StaleUsers, survey
from agents.users.user_state import UserState
from app.worker.metrics import WorkerMetrics
from models.errors import SolveFailed
from models.factorization.factor_model import FactorModel
from models.feedback.events import Rate
from models.feedback.history import EMPTY_HISTORY, History, LatestRegion
from models.inference.recommend import recommend
from tests.support.announcements import announced
from tests.support.event_path.changelog_log import Log
from tests.support.event_path.made_up_events import NOW, PEOPLE, STORED_SCORES, ratings
from tests.support.event_path.open_tables import opened, recover
from tests.support.event_path.source_records import PARTITIONS, partition, source
from tests.support.event_path.swapping_worker import Swapped, other, serving, with_rows
from tests.support.waiting import wait_for

EVERYTHING = float("inf")


@pytest.fixture
def models(metrics: WorkerMetrics, model: FactorModel) -> ModelsInUse:
    """One model that serves everybody."""
    return serving(model, metrics)


@pytest.fixture
async def worker(tmp_path: Path, models: ModelsInUse, metrics: WorkerMetrics) -> AsyncIterator[Swapped]:
    """A worker with a row for everybody, whose changelog acknowledges whatever comes."""
    async with with_rows(tmp_path / "table", models, metrics) as worker:
        yield worker


async def until_done(worker: Swapped) -> None:
    """Run re-solving until nothing is left for it to do."""
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


def is_made_of(row: bytes, model: FactorModel, history: History) -> bool:
    """Tell whether a row is what a version makes of a history, computed alone."""
    state = UserState.decode(row)
    (expected,) = recommend(model, [history], STORED_SCORES)
    same = state.top.rows.tolist() == expected.rows.tolist() and bool((state.top.scores == expected.scores).all())
    return same and state.is_of(model) and state.history == history


async def test_every_row_is_made_anew_and_nothing_else_changes(
    worker: Swapped, models: ModelsInUse, model: FactorModel, metrics: WorkerMetrics
) -> None:
    before = {person: UserState.decode(worker.row(person)) for person in PEOPLE}
    places = [worker.table.position(at) for at in range(PARTITIONS)]
    second = other(model, "test-2", 2)
    models.activate(second, announced("test-2", 1))
    await until_done(worker)
    for person, was in before.items():
        row = worker.row(person)
        assert is_made_of(row, second, was.history)
        now = UserState.decode(row)
        assert (now.applied_offset, now.recent, now.written_at) == (was.applied_offset, was.recent, was.written_at)
    assert [worker.table.position(at) for at in range(PARTITIONS)] == places
    assert models.status()[0].rescored == Rescored(len(PEOPLE), 0, done=True)
    assert metrics.rollout.users_rescored._value.get() == len(PEOPLE)


async def test_nothing_is_looked_through_while_partitions_are_being_taken_over(
    worker: Swapped, models: ModelsInUse, model: FactorModel
) -> None:
    models.activate(other(model, "test-2", 2), announced("test-2", 1))
    asked = 0

    def settled() -> bool:
        nonlocal asked
        asked += 1
        if asked <= 3:
            models.changed.set()
        return asked > 3

    task = asyncio.create_task(worker.rescoring.run(settled))

    async def waits() -> bool:
        assert asked > 3 or worker.versions() == {"test-1"}
        return not worker.rescoring._to_look_at()

    await wait_for("end of re-solving", waits, 30)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await worker.ownership.stored()
    assert worker.versions() == {"test-2"}


async def test_what_is_up_to_date_is_not_written(worker: Swapped) -> None:
    written = {at: len(records) for at, records in worker.log.records.items()}
    await until_done(worker)
    assert {at: len(records) for at, records in worker.log.records.items()} == written


async def test_a_rollback_gives_the_rows_that_were_there_before(
    worker: Swapped, models: ModelsInUse, model: FactorModel
) -> None:
    before = {person: worker.row(person) for person in PEOPLE}
    models.activate(other(model, "test-2", 2), announced("test-2", 1))
    await until_done(worker)
    models.activate(model, announced("test-1", 2))
    await until_done(worker)
    assert {person: worker.row(person) for person in PEOPLE} == before


async def test_progress_is_told_of_the_active_version_only(
    worker: Swapped, models: ModelsInUse, model: FactorModel
) -> None:
    await until_done(worker)
    models.activate(other(model, "test-2", 2), announced("test-2", 1))
    assert models.status()[0].rescored is None
    seen: list[Rescored] = []
    note = models.note_rescored

    def listen(rescored: dict[str, Rescored]) -> None:
        seen.append(rescored["global"])
        note(rescored)

    models.note_rescored = listen  # type: ignore[method-assign]
    await until_done(worker)
    left = [one.left for one in seen]
    assert (left[0], left[-1]) == (len(PEOPLE), 0)
    assert left == sorted(left, reverse=True)
    assert [one.done for one in seen] == [False] * (len(seen) - 1) + [True]


async def test_whoever_did_something_last_comes_first(worker: Swapped, models: ModelsInUse, model: FactorModel) -> None:
    models.activate(other(model, "test-2", 2), announced("test-2", 1))
    found = await survey(worker.table, range(PARTITIONS), models.active, 1_000)
    order = [{key.decode() for keys in batch.keys.values() for key in keys} for batch in found.batches(lambda: 5)]
    assert order == [set(PEOPLE[start : start + 5]) for start in range(len(PEOPLE) - 5, -1, -5)]
    assert found.left() == {"global": len(PEOPLE)}
    assert found.complete == list(range(PARTITIONS))


async def test_a_batch_is_as_large_as_the_time_for_it_allows(
    worker: Swapped, models: ModelsInUse, model: FactorModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    models.activate(other(model, "test-2", 2), announced("test-2", 1))
    clock, sizes = iter(range(10_000)), []
    rescore = worker.rescoring._rescore

    async def watched(batch: Batch, generation: int) -> None:
        sizes.append(batch.regions.total())
        await rescore(batch, generation)

    monkeypatch.setattr(worker.rescoring, "_rescore", watched)
    monkeypatch.setattr(
        "agents.rollout.rescoring.time", SimpleNamespace(perf_counter=lambda: next(clock), monotonic=monotonic)
    )
    worker.rescoring._size = 16
    await until_done(worker)  # by that clock, every batch takes a second
    assert sizes == [16, *[1] * (len(PEOPLE) - 16)]
    assert worker.versions() == {"test-2"}


async def test_no_more_than_the_bound_is_found_at_once(
    worker: Swapped, models: ModelsInUse, model: FactorModel
) -> None:
    models.activate(other(model, "test-2", 2), announced("test-2", 1))
    found = await survey(worker.table, range(PARTITIONS), models.active, 1)
    assert found.complete == [0]
    assert 1 <= len(found) < len(PEOPLE)
    worker.rescoring._bounds = replace(worker.rescoring._bounds, max_users=1)
    await until_done(worker)
    assert worker.versions() == {"test-2"}


async def test_a_partition_that_is_given_away_is_left_alone(
    worker: Swapped, models: ModelsInUse, model: FactorModel
) -> None:
    models.activate(other(model, "test-2", 2), announced("test-2", 1))
    stale = await survey(worker.table, range(PARTITIONS), models.active, 1_000)
    (batch, *_) = stale.batches(lambda: 5)
    generation = worker.ownership.generation
    await worker.revoke()
    await worker.rescoring._rescore(batch, generation)
    assert worker.versions() == {"test-1"}
    worker.take_over()
    await until_done(worker)
    assert worker.versions() == {"test-2"}


async def test_what_is_broken_off_is_gone_on_with_after_a_restart(
    worker: Swapped, models: ModelsInUse, model: FactorModel, metrics: WorkerMetrics, tmp_path: Path
) -> None:
    models.activate(other(model, "test-2", 2), announced("test-2", 1))
    stale = await survey(worker.table, range(PARTITIONS), models.active, 1_000)
    batches = list(stale.batches(lambda: 7))
    for batch in batches[:2]:
        await worker.rescoring._rescore(batch, worker.ownership.generation)
    await worker.crash()
    async with opened(tmp_path / "fresh") as table:
        recover(table, worker.log, compacted=True)
        second = Swapped(table, worker.log, models, metrics)
        second.take_over()
        left = await survey(table, range(PARTITIONS), models.active, 1_000)
        assert len(PEOPLE) - 14 <= len(left) < len(PEOPLE)
        await until_done(second)
        assert second.versions() == {"test-2"}


async def test_events_in_between_count_and_are_in_the_new_lists(
    worker: Swapped, models: ModelsInUse, model: FactorModel
) -> None:
    second = other(model, "test-2", 2)
    models.activate(second, announced("test-2", 1))
    stale = await survey(worker.table, range(PARTITIONS), models.active, 1_000)
    more = Rate(event_id="more", user_id=PEOPLE[0], video_id="v20", ts=NOW, rating=5.0)
    at = partition(PEOPLE[0])
    (found,) = source([more])[at]
    position = worker.table.position(at)
    assert position is not None
    found.offset = position.next_offset
    chunk = Chunk(worker.ownership.generation, {at: [found]}, {at: position.next_offset})
    batches = list(stale.batches(lambda: 7))
    rescored = [asyncio.create_task(worker.rescoring._rescore(one, chunk.generation)) for one in batches[:3]]
    event = asyncio.create_task(worker.processor.process(chunk))
    rescored += [asyncio.create_task(worker.rescoring._rescore(one, chunk.generation)) for one in batches[3:]]
    await asyncio.gather(event, *rescored)
    await worker.ownership.stored()
    history = EMPTY_HISTORY.apply([*ratings(PEOPLE)[:2], more], 5)
    assert is_made_of(worker.row(PEOPLE[0]), second, history)
    assert worker.versions() == {"test-2"}
    moved = worker.table.position(at)
    assert moved is not None
    assert moved.next_offset == position.next_offset + 1
    async with opened(Path(str(worker.table.data.path)) / "rebuilt") as table:  # type: ignore[attr-defined]
        recover(table, worker.log, compacted=False)
        for person in PEOPLE:
            assert table.read(partition(person), person.encode()) == worker.row(person)


async def test_a_row_ahead_of_its_partition_is_left_to_the_events(
    worker: Swapped, models: ModelsInUse, model: FactorModel
) -> None:
    person, at = PEOPLE[3], partition(PEOPLE[3])
    position = worker.table.position(at)
    assert position is not None
    ahead = replace_applied_offset(worker.row(person), position.next_offset)
    worker.table.commit(at, {person.encode(): ahead}, worker.table.changelog_offset(at))
    models.activate(other(model, "test-2", 2), announced("test-2", 1))
    await until_done(worker)
    assert worker.row(person) == ahead


async def test_only_the_users_of_a_region_follow_its_swap(
    tmp_path: Path, models: ModelsInUse, model: FactorModel, metrics: WorkerMetrics
) -> None:
    async with opened(tmp_path / "regions") as table:
        worker = Swapped(table, Log(), models, metrics)
        worker.take_over()
        await worker.apply([*ratings(PEOPLE[:10], "us"), *ratings(PEOPLE[10:25], "fr"), *ratings(PEOPLE[25:])])
        await worker.log.acknowledge(dict.fromkeys(range(PARTITIONS), EVERYTHING))
        models.activate(other(model, "states", 3, "us"), announced("states", 0, "us"))
        await until_done(worker)
        assert {UserState.decode(worker.row(person)).version for person in PEOPLE[:10]} == {"states"}
        assert {UserState.decode(worker.row(person)).version for person in PEOPLE[10:]} == {"test-1"}
        rescored = {status.region: status.rescored for status in models.status()}
        assert rescored == {"global": Rescored(30, 0, done=True), "us": Rescored(10, 0, done=True)}


async def test_one_user_who_cannot_be_solved_keeps_nobody_else_waiting(
    worker: Swapped, models: ModelsInUse, model: FactorModel, metrics: WorkerMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    poor = UserState.decode(worker.row(PEOPLE[5])).history

    def recommends(model: FactorModel, histories: Sequence[History], n: int) -> Any:
        if poor in histories:
            raise SolveFailed(list(histories).index(poor), 2)
        return recommend(model, histories, n)

    monkeypatch.setattr("agents.users.user_scores.recommend", recommends)
    models.activate(other(model, "test-2", 2), announced("test-2", 1))
    before = worker.row(PEOPLE[5])
    await until_done(worker)
    assert worker.row(PEOPLE[5]) == before
    assert worker.versions() == {"test-1", "test-2"}
    assert metrics.users.solves_failed._value.get() == 1


async def test_a_list_is_of_a_regions_model_and_not_of_every_one_of_that_name(
    worker: Swapped, models: ModelsInUse, model: FactorModel
) -> None:
    """A region gets its first model, which has the name of the one that made its users' rows."""
    await apply_in_us(worker, PEOPLE[:10])
    before = {person: UserState.decode(worker.row(person)) for person in PEOPLE}
    of_us = other(model, model.version, 2, "us")
    models.activate(of_us, announced(model.version, 0, "us"))
    found = await survey(worker.table, range(PARTITIONS), models.active, 1000)
    assert {one for batch in found.batches(lambda: 99) for keys in batch.keys.values() for one in keys} == {
        person.encode() for person in PEOPLE[:10]
    }
    await until_done(worker)
    for person in PEOPLE[:10]:
        assert is_made_of(worker.row(person), of_us, before[person].history)
    for person in PEOPLE[10:]:
        assert is_made_of(worker.row(person), model, before[person].history)


async def apply_in_us(worker: Swapped, people: Sequence[str]) -> None:
    """Put people's rows there who are in us."""
    for person in people:
        state = UserState.decode(worker.row(person))
        history = structs.replace(state.history, region=LatestRegion("us", 1, 1))
        at = partition(person)
        row = structs.replace(state, history=history).encode()
        worker.table.commit(at, {person.encode(): row}, worker.table.changelog_offset(at))


async def test_a_version_that_was_put_into_the_store_again_under_its_name_is_another(
    worker: Swapped, models: ModelsInUse, model: FactorModel
) -> None:
    before = {person: UserState.decode(worker.row(person)) for person in PEOPLE}
    again = replace(other(model, model.version, 2), digest=b"12345678")
    models.activate(again, announced(model.version, 1))
    await until_done(worker)
    assert all(is_made_of(worker.row(person), again, before[person].history) for person in PEOPLE)
    models.activate(model, announced(model.version, 2))
    await until_done(worker)
    assert all(is_made_of(worker.row(person), model, before[person].history) for person in PEOPLE), "rolled back"


async def test_rows_of_format_1_are_of_no_model_and_made_anew_from_their_histories(
    worker: Swapped, models: ModelsInUse, model: FactorModel
) -> None:
    before = {person: UserState.decode(worker.row(person)) for person in PEOPLE}
    for person, state in before.items():
        at = partition(person)
        worker.table.commit(at, {person.encode(): in_format_1(state)}, worker.table.changelog_offset(at))
    assert worker.versions() == {""}
    await until_done(worker)
    for person, state in before.items():
        assert is_made_of(worker.row(person), model, state.history)
        assert UserState.decode(worker.row(person)) == state


def in_format_1(state: UserState) -> bytes:
    """A row as the first release wrote it, of a user without a region."""
    history, version = state.history, state.version.encode()
    header = struct.pack(
        "<qBBHHBHIqx",
        state.applied_offset,
        1,
        0,
        len(history),
        len(state.recent) // 8,
        len(version),
        len(state.top_rows) // 4,
        len(history.ids),
        state.written_at,
    )
    return b"".join((header, state.recent, history.records, history.ids, version, state.top_rows, state.top_scores))


def test_a_survey_counts_whom_no_model_serves_nowhere() -> None:
    found = StaleUsers()
    state = UserState(EMPTY_HISTORY, 1, b"", int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()))
    found.take(0, [(b"ann", state.encode())], lambda _: None)
    assert (len(found), list(found.batches(lambda: 10)), found.users) == (0, [], {0: {}})


def replace_applied_offset(row: bytes, applied_offset: int) -> bytes:
    """Return a row with another applied offset."""
    return applied_offset.to_bytes(8, "little", signed=True) + row[8:]
