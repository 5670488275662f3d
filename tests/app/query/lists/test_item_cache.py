"""What is remembered between requests gives what would be worked out anew."""

import gc
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from agents.catalogue import Catalogue, CatalogueMetrics
from app.query.lists.context_filter import ContextFilter
from app.query.lists.item_cache import ItemCache
from app.query.lists.paging import SHOWN
from app.query.schema.requests import RecommendationQuery
from tests.app.query.world import NOW, VIDEOS, make_model, video

MODEL = make_model()


def make_catalogue() -> Catalogue:
    return Catalogue(1_000, CatalogueMetrics(CollectorRegistry()))


async def put(catalogue: Catalogue, number: int, **entry: Any) -> None:
    value = json.dumps({"title": f"Video {number}", **entry}).encode()
    await catalogue.apply(SimpleNamespace(offset=0, key=video(number).encode(), value=value))


def context_filter(catalogue: Catalogue, at: float = NOW, region: str | None = None, **query: Any) -> ContextFilter:
    return ContextFilter.of(catalogue.get, RecommendationQuery(**query), region, at)


def shown(item_cache: ItemCache, of: ContextFilter) -> list[int]:
    verdicts = item_cache.of(MODEL).verdicts(of)
    return [row for row, mark in enumerate(verdicts.marks) if mark == SHOWN or (not mark and verdicts.decide(row, of))]


def texts(item_cache: ItemCache, of: ContextFilter, *rows: int) -> list[Any]:
    return [json.loads(text + b"0}") for text in item_cache.of(MODEL).texts(rows, of)]


async def test_a_change_of_the_catalogue_shows_at_once() -> None:
    catalogue = make_catalogue()
    item_cache = ItemCache(catalogue)
    of = context_filter(catalogue, maturity=10)
    assert (shown(item_cache, of), texts(item_cache, of, 3)[0]["title"]) == ([], None)
    await put(catalogue, 3)
    await put(catalogue, 4, maturity=11)
    assert (shown(item_cache, of), texts(item_cache, of, 3)[0]["title"]) == ([3], "Video 3")
    await put(catalogue, 4, maturity=10)
    await put(catalogue, 3, title="Other", maturity=12)
    assert (shown(item_cache, of), texts(item_cache, of, 3)[0]["title"]) == ([4], "Other")


async def test_more_changes_than_are_remembered_show_too() -> None:
    catalogue = make_catalogue()
    item_cache = ItemCache(catalogue)
    of = context_filter(catalogue, maturity=0)
    assert shown(item_cache, of) == []
    for number in range(VIDEOS):
        await put(catalogue, number, maturity=number % 2)
    assert catalogue.changed_since(0) is None
    assert shown(item_cache, of) == list(range(0, VIDEOS, 2))


@pytest.mark.parametrize("turn", ["available_from", "available_until"])
async def test_a_span_of_availability_begins_and_ends_on_time(turn: str) -> None:
    catalogue = make_catalogue()
    item_cache = ItemCache(catalogue)
    at = datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=10)
    await put(catalogue, 7, **{turn: at.isoformat()})
    before, after = (7 in shown(item_cache, context_filter(catalogue, NOW + seconds)) for seconds in (9.999, 10))
    assert (before, after) == ((False, True) if turn == "available_from" else (True, False))
    assert (7 in shown(item_cache, context_filter(catalogue, NOW))) is before  # clocks are set back, too


async def test_contexts_do_not_mix_and_only_so_many_are_kept() -> None:
    catalogue = make_catalogue()
    await put(catalogue, 1, regions=["us"], devices=["tv"], genres=["Drama"], maturity=7)
    item_cache = ItemCache(catalogue, max_verdict_bytes=2 * VIDEOS)
    shelves = [
        context_filter(catalogue, region=region, device=device) for region in ("us", "fr") for device in ("tv", "phone")
    ]
    for _ in range(2):
        assert [1 in shown(item_cache, of) for of in shelves] == [True, False, False, False]
        assert 1 in shown(item_cache, context_filter(catalogue, genre="drama", region="us", device="tv"))
        assert 1 not in shown(item_cache, context_filter(catalogue, maturity=6, region="us", device="tv"))


async def test_texts_are_written_anew_when_there_are_too_many() -> None:
    catalogue = make_catalogue()
    item_cache = ItemCache(catalogue, max_texts=2)
    of = context_filter(catalogue)
    for _ in range(2):
        assert [text["video_id"] for text in texts(item_cache, of, 0, 1, 2)] == [video(0), video(1), video(2)]


def test_a_model_that_nobody_uses_is_forgotten() -> None:
    catalogue = make_catalogue()
    item_cache = ItemCache(catalogue)
    item_cache.of(make_model("two"))
    assert item_cache.of(MODEL) is item_cache.of(MODEL)
    gc.collect()
    assert list(item_cache._models) == [MODEL]
