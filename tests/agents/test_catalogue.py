"""The catalogue: the last good record of a video counts."""

import asyncio
import json
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from agents.catalogue import Catalogue, CatalogueEntry
from app.worker.metrics import WorkerMetrics


def record(key: bytes | None, value: Any) -> Any:
    """A record of the topic."""
    return SimpleNamespace(offset=0, key=key, value=value if value is None else json.dumps(value).encode())


async def test_entries_come_change_and_go(metrics: WorkerMetrics) -> None:
    catalogue = Catalogue(10, metrics.catalogue)
    await catalogue.apply(record(b"v1", {"title": "One", "genres": ["Drama"], "year": 1999, "unknown": 1}))
    assert catalogue.get("v1") == CatalogueEntry(title="One", genres=("Drama",), year=1999)
    await catalogue.apply(record(b"v1", {"title": "Two"}))
    assert catalogue.get("v1") == CatalogueEntry(title="Two")
    await catalogue.apply(record(b"v1", None))
    assert (catalogue.get("v1"), len(catalogue)) == (None, 0)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"v1", {"genres": []}),
        (b"v1", {"title": ""}),
        (b"v1", {"title": "x", "maturity": 19}),
        (b"v1", {"title": "x", "available_from": "2026-01-01T00:00:00"}),
        (b"v1", []),
        (b"\xff", {"title": "x"}),
        (None, {"title": "x"}),
    ],
)
async def test_a_bad_record_is_counted_and_the_previous_entry_stays(
    metrics: WorkerMetrics, key: bytes | None, value: Any
) -> None:
    catalogue = Catalogue(10, metrics.catalogue)
    await catalogue.apply(record(b"v1", {"title": "One"}))
    await catalogue.apply(record(key, value))
    assert (catalogue.get("v1"), len(catalogue)) == (CatalogueEntry(title="One"), 1)
    assert metrics.catalogue.rejected._value.get() == 1


async def test_it_holds_so_many_videos_and_no_more(metrics: WorkerMetrics) -> None:
    catalogue = Catalogue(1, metrics.catalogue)
    for video in (b"v1", b"v2", b"v1"):
        await catalogue.apply(record(video, {"title": "One"}))
    assert (len(catalogue), catalogue.get("v2")) == (1, None)


async def test_changes_are_told_to_whoever_is_not_too_far_behind(metrics: WorkerMetrics) -> None:
    catalogue = Catalogue(1_000, metrics.catalogue)
    for video in (b"v1", b"v2", b"v1"):
        await catalogue.apply(record(video, {"title": "One"}))
    assert catalogue.changes == 3
    await catalogue.apply(record(b"v1", {"title": ""}))
    assert catalogue.changed_since(3) == []
    await catalogue.apply(record(b"v2", None))
    assert set(catalogue.changed_since(2) or ()) == {"v1", "v2"}
    assert set(catalogue.changed_since(3) or ()) == {"v2"}
    for number in range(500):
        await catalogue.apply(record(b"w%d" % number, {"title": "One"}))
    assert catalogue.changed_since(3) is None
    assert catalogue.changed_since(catalogue.changes - 1) == ["w499"]


async def test_queries_have_their_turn_while_many_records_come(metrics: WorkerMetrics) -> None:
    catalogue = Catalogue(1_000, metrics.catalogue)
    seen: list[int] = []

    async def look() -> None:
        while len(catalogue) < 1_000:
            seen.append(len(catalogue))
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    for number in range(1_000):
        await catalogue.apply(record(b"v%d" % number, {"title": "One"}))
    await looking
    assert max(after - before for before, after in pairwise([0, *seen, 1_000])) <= 100
