"""Taking counts over: what is stored counts, in place of all at the start of a generation, beside the others later."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from agents.popularity import takeover
from agents.popularity.own_popularity import OwnPopularity
from agents.popularity.takeover import take_counts_over
from agents.users.ownership import Ownership
from app.worker.metrics import WorkerMetrics
from models.feedback.events import Play
from tables.batch_table import BatchTable
from tests.support.leaving import LeavingSupervisor


def play(video: str) -> Play:
    """A play of a video, by somebody."""
    return Play(
        event_id="e", user_id="u", video_id=video, ts=datetime(2026, 11, 20, 12, tzinfo=UTC), seconds_watched=60.0
    )


def published(own: OwnPopularity) -> set[tuple[int, str]]:
    """The partitions and videos of what would be published now."""
    records: list[Any] = own.records(own.take_unpublished(), "popularity")
    return {
        (int(record.key.split(b"/")[0]), video)
        for record in records
        for video in ("v1", "v2")
        if record.value and b'"%s"' % video.encode() in record.value
    }


async def test_stored_counts_come_in_place_of_all_and_join_those_that_run(
    make_table: Callable[[], BatchTable], metrics: WorkerMetrics
) -> None:
    table = make_table()
    before = OwnPopularity(30, metrics.popularity)
    before.begin(0)
    before.add(0, play("v1"), offset=5)
    table.commit(0, before.take_rows(0), 1)

    own, ownership = OwnPopularity(30, metrics.popularity), Ownership(table.running, 60.0, LeavingSupervisor())
    own.begin(7)  # of an earlier generation
    own.add(7, play("v2"), offset=1)
    await take_counts_over(own, table, ownership, {0})
    assert published(own) == {(0, "v1")}

    ownership.start({0: 6})
    table.open(1)
    await take_counts_over(own, table, ownership, {1})
    own.add(0, play("v2"), offset=6)
    own.add(1, play("v2"), offset=3)
    assert published(own) == {(0, "v2"), (1, "v2")}, "what was published is so still"


async def test_it_waits_for_its_turn_and_lets_queries_go_between(
    make_table: Callable[[], BatchTable], metrics: WorkerMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeover, "_ROWS_AT_ONCE", 1)
    table = make_table()
    before = OwnPopularity(30, metrics.popularity)
    before.begin(0)
    for offset in range(20):
        before.add(0, play(f"v{offset}"), offset)
    table.commit(0, before.take_rows(0), 1)
    own, ownership = OwnPopularity(30, metrics.popularity), Ownership(table.running, 60.0, LeavingSupervisor())
    own.begin(7)
    turns = 0

    async def query() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with ownership.turn(0):
        taking = asyncio.create_task(take_counts_over(own, table, ownership, {0}))
        for _ in range(5):
            await asyncio.sleep(0)
        own.add(7, play("v1"), offset=1)
        assert published(own) == {(7, "v1")}, "somebody else has the turn, and nothing is taken over"
    querying = asyncio.create_task(query())
    await taking
    querying.cancel()
    assert turns >= 20
