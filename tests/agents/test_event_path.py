"""From records to durable rows: overlap, chunk borders, revocations and crashes end in the state of one at a time.

Everything is real but Kafka: the changelog is a list a partition, whose acknowledgements come when the test says so.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.events.chunks import Chunk
from agents.popularity.own_popularity import POPULARITY_PREFIX
from agents.users.user_state import UserState
from app.worker.metrics import WorkerMetrics
from models.factorization.factor_model import FactorModel
from models.feedback.events import Event
from models.feedback.history import EMPTY_HISTORY
from tables.batch_table import BatchTable
from tests.support.event_path.changelog_log import Log
from tests.support.event_path.made_up_events import BOUNDS, events
from tests.support.event_path.open_tables import opened, recover
from tests.support.event_path.source_records import PARTITIONS, partition, source
from tests.support.event_path.worker_rig import Worker

USERS = ("ann", "bob", "cleo")


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
    ["chunk", "chunk", "chunk", "chunk", "chunk and revoke", "revoke", "crash", "lose the folder"]
)
sent = st.lists(
    events() | st.sampled_from(USERS),
    min_size=1,
    max_size=25,
    unique_by=lambda one: object() if isinstance(one, str) else one.event_id,
)
"""Events, and users who are erased."""


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=15
)
@given(happened=sent, data=st.data())
async def test_however_it_is_cut_and_broken_off_the_end_is_that_of_one_event_at_a_time(
    tmp_path_factory: pytest.TempPathFactory,
    model: FactorModel,
    metrics: WorkerMetrics,
    happened: list[Event | str],
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

    async with opened(tmp_path_factory.mktemp("singly")) as table:
        await singly(Worker(table, Log(), model, metrics), records)
        assert state(table) == found
        assert_close(tops(table), lists)
    for user in USERS:
        behind = happened[max((at + 1 for at, one in enumerate(happened) if one == user), default=0) :]
        own = [one for one in behind if not isinstance(one, str) and one.user_id == user]
        history, _, _ = found[partition(user), user.encode()]
        assert history == EMPTY_HISTORY.apply(own, BOUNDS.history_limit)


async def singly(worker: Worker, records: Mapping[int, Sequence[Any]]) -> None:
    """Apply one record after the other."""
    worker.take_over()
    for at, waiting in records.items():
        for record in waiting:
            await worker.hand_over(Chunk(0, {at: [record]}, {at: record.offset}), acknowledge_first=True)
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
