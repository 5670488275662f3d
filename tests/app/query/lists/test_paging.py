"""One pager, two lookups: each page is what a plain reading of the rules leaves, and both write the same bytes."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from agents.catalogue import CatalogueEntry
from app.query.lists.catalogue_lookup import CatalogueLookup
from app.query.lists.context_filter import ContextFilter
from app.query.lists.item_cache import ItemCache
from app.query.lists.paging import cut_page
from app.query.lists.recommendations import stored_page
from app.query.schema.answers import Item
from app.query.schema.requests import RecommendationQuery
from tests.app.query.lists.pages import decoded
from tests.app.query.world import NOW, history, make_model, play, stored, video

MODEL = make_model()
STATE = stored(history(play(0)), MODEL)
_never: Callable[[int], None] = lambda _: None  # noqa: E731 - nothing changes

_times = st.none() | st.integers(-2, 2).map(lambda second: datetime.fromtimestamp(NOW + second, UTC))
_entries = st.builds(
    CatalogueEntry,
    title=st.sampled_from(["t", 'Ü"\\\n', "0.0}", "x" * 200]),
    genres=st.sampled_from([(), ("Comedy",)]),
    maturity=st.integers(0, 18),
    regions=st.sampled_from([(), ("us",), ("fr", "us")]),
    devices=st.sampled_from([(), ("tv",)]),
    available_from=_times,
    available_until=_times,
)
_contexts = {
    "region": st.sampled_from(["us", "fr"]),
    "device": st.sampled_from(["tv", "phone"]),
    "maturity": st.integers(0, 18),
    "genre": st.just("comedy"),
    "exclude": st.lists(st.sampled_from([*map(video, range(12)), "nobody's"]), max_size=8).map(tuple),
}
_any_score = st.floats(-4, 4, width=32) | st.sampled_from([math.nan, math.inf, -math.inf, 3.4028234663852886e38])


def remembering(catalogue: Mapping[str, CatalogueEntry]) -> ItemCache:
    return ItemCache(SimpleNamespace(changes=0, changed_since=_never, get=catalogue.get))


def may_be_shown(video_id: str, catalogue: Mapping[str, CatalogueEntry], asked: Mapping[str, Any]) -> bool:
    """The rules of a context, read plainly."""
    entry, now = catalogue.get(video_id), datetime.fromtimestamp(NOW, UTC)
    if video_id in asked.get("exclude", ()):
        return False
    if entry is None:
        return "genre" not in asked and asked.get("maturity", 18) == 18
    wrong = [
        entry.maturity > asked.get("maturity", 18),
        "region" in asked and entry.regions != () and asked["region"] not in entry.regions,
        "device" in asked and entry.devices != () and asked["device"] not in entry.devices,
        "genre" in asked and asked["genre"] not in [genre.lower() for genre in entry.genres],
        entry.available_from is not None and now < entry.available_from,
        entry.available_until is not None and now >= entry.available_until,
    ]
    return not any(wrong)


def expected(
    candidates: Sequence[tuple[int, float]], catalogue: Mapping[str, CatalogueEntry], asked: Mapping[str, Any]
) -> tuple[list[Item], bool]:
    """The items of the page and whether it is complete: a list is over at the first score below the least one."""
    least = asked.get("min_score", -math.inf)
    over = [place for place, (_, score) in enumerate(candidates) if score < least or score == -math.inf]
    reached = candidates[: over[0]] if over else candidates
    shown = [
        Item(video(row), catalogue[video(row)].title if video(row) in catalogue else None, score)
        for row, score in reached
        if math.isfinite(score) and may_be_shown(video(row), catalogue, asked)
    ]
    end = asked["offset"] + asked["limit"]
    return shown[asked["offset"] : end], bool(over) or len(shown) >= end


@given(
    rows=st.lists(st.integers(0, 60), unique=True, max_size=60),
    odd=st.lists(_any_score, min_size=60, max_size=60),
    in_order=st.booleans(),
    entries=st.dictionaries(st.integers(0, 60), _entries, max_size=60),
    asked=st.fixed_dictionaries(
        {"limit": st.integers(1, 40), "offset": st.integers(0, 30)},
        optional={**_contexts, "min_score": st.floats(-4, 4, width=32)},
    ),
)
@example([], [0.0] * 60, True, {}, {"limit": 1, "offset": 0})
@example([0, 1, 2], [1.0] * 60, True, {}, {"limit": 3, "offset": 0})
@example([0, 1, 2], [1.0] * 60, True, {}, {"limit": 1, "offset": 3, "min_score": 1.0})
@example([0, 1, 2], [2.0, 1.0, *[0.5] * 58], True, {}, {"limit": 9, "offset": 0, "min_score": 1.0})
@example([0, 1, 2], [math.inf, math.nan, *[0.5] * 58], False, {}, {"limit": 1, "offset": 0})
def test_a_page_is_what_a_plain_reading_leaves(
    rows: list[int], odd: list[float], in_order: bool, entries: dict[int, CatalogueEntry], asked: dict[str, Any]
) -> None:
    scores = sorted(map(_without_nan, odd), reverse=True) if in_order else odd
    candidates = list(zip(rows, scores, strict=False))
    catalogue = {video(number): entry for number, entry in entries.items()}
    items, complete = expected(candidates, catalogue, asked)
    query = RecommendationQuery(**asked)
    context_filter = ContextFilter.of(catalogue.get, query, None, NOW)
    by_id = cut_page([(video(row), score) for row, score in candidates], query, CatalogueLookup(context_filter))
    remembered = remembering(catalogue).of(MODEL)
    for _ in range(2):  # nothing is remembered at first
        by_row = cut_page(candidates, query, remembered.lookup(context_filter))
        assert (decoded(by_row), by_row.complete) == (items, complete)
        assert bytes(by_row.items) == bytes(by_id.items)
    assert (decoded(by_id), by_id.complete) == (items, complete)


def _without_nan(score: float) -> float:
    return 0.0 if math.isnan(score) else score


def test_candidates_are_read_only_as_far_as_the_page_needs() -> None:
    read = []

    def candidates() -> Any:
        for row in range(60):
            read.append(row)
            yield row, 60.0 - row

    query = RecommendationQuery(limit=3, offset=2, exclude=(video(1),))
    cut_page(candidates(), query, remembering({}).of(MODEL).lookup(ContextFilter.of(_nothing, query, None, NOW)))
    assert read == [0, 1, 2, 3, 4, 5]


def _nothing(_: str) -> None:
    return None


@given(
    entries=st.dictionaries(st.integers(0, 60), _entries, max_size=60),
    queries=st.lists(
        st.fixed_dictionaries(
            {"limit": st.integers(1, 60), "offset": st.integers(0, 55)},
            optional={
                **_contexts,
                "min_score": st.sampled_from([float(score) for score in STATE.top.scores[::7]] + [0.1, -1.0, 9.0]),
            },
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_remembered_pages_are_byte_for_byte_those_worked_out(
    entries: dict[int, CatalogueEntry], queries: list[dict[str, Any]]
) -> None:
    known = {video(number): entry for number, entry in entries.items()}
    item_cache = remembering(known)
    top = list(zip(map(video, STATE.top.rows.tolist()), STATE.top.scores.tolist(), strict=True))
    for query in queries + queries:
        of = ContextFilter.of(known.get, RecommendationQuery(**query), None, NOW)
        worked_out = cut_page(top, of.query, CatalogueLookup(of))
        page = stored_page(STATE, MODEL, of, item_cache)
        assert (page is not None) == worked_out.complete
        if page is not None:
            assert msgspec.json.encode(page.items) == msgspec.json.encode(worked_out.items)
