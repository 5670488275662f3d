from typing import Any

from agents.catalogue import CatalogueEntry
from app.query.lists.context_filter import ContextFilter
from app.query.lists.paging import Page
from app.query.lists.popular import all_time_popular, popular_page
from app.query.schema.requests import RecommendationQuery
from tests.app.query.lists.pages import decoded
from tests.app.query.world import NOW, VIDEOS, MemoryPopularity, make_model, video

MODEL = make_model()
RECENT = [("v009", 30), ("new", 20), ("v001", 20)]


def context_filter(
    region: str | None = None, catalogue: dict[str, CatalogueEntry] | None = None, **query: Any
) -> ContextFilter:
    return ContextFilter.of((catalogue or {}).get, RecommendationQuery(**query), region, NOW)


def pairs(page: Page | None) -> list[tuple[str, float]]:
    assert page is not None
    return [(item.video_id, item.score) for item in decoded(page)]


def test_recent_list_of_the_region_comes_first() -> None:
    popularity = MemoryPopularity({"us": RECENT, None: [("v002", 99)]})
    assert pairs(popular_page(popularity, 10, MODEL, context_filter("us"))) == RECENT
    assert popularity.asked == [("us", 10, 1000)]


def test_all_time_of_the_model_comes_next() -> None:
    page = popular_page(MemoryPopularity({None: [("v002", 99)]}), 10, MODEL, context_filter("us", limit=2))
    assert pairs(page) == [(video(VIDEOS - 1), VIDEOS - 1.0), (video(VIDEOS - 2), VIDEOS - 2.0)]


def test_other_regions_come_last() -> None:
    assert pairs(popular_page(MemoryPopularity({None: RECENT}), 10, None, context_filter("us"))) == RECENT


def test_nothing_at_all_is_none() -> None:
    assert popular_page(MemoryPopularity(), 10, None, context_filter("us")) is None


def test_list_with_nothing_to_show_makes_way_for_the_next() -> None:
    hidden = context_filter("us", limit=1).without({name for name, _ in RECENT})
    page = popular_page(MemoryPopularity({"us": RECENT}), 10, MODEL, hidden)
    assert pairs(page) == [(video(VIDEOS - 1), VIDEOS - 1.0)]


def test_filters_that_leave_nothing_give_an_empty_page() -> None:
    adult = {name: CatalogueEntry(title="t", maturity=18) for name, _ in RECENT}
    assert (
        pairs(popular_page(MemoryPopularity({None: RECENT}), 10, None, context_filter(None, adult, maturity=7))) == []
    )


def test_offset_and_min_score_cut_within_one_list() -> None:
    popularity = MemoryPopularity({None: RECENT})
    assert pairs(popular_page(popularity, 10, MODEL, context_filter(offset=1, limit=1))) == [("new", 20)]
    assert pairs(popular_page(popularity, 10, MODEL, context_filter(min_score=25.0))) == [("v009", 30)]
    assert pairs(popular_page(popularity, 10, MODEL, context_filter(offset=5))) == []


def test_all_time_list_leaves_out_videos_without_users() -> None:
    assert len(all_time_popular(MODEL)) == VIDEOS - 1
    assert all_time_popular(MODEL) is all_time_popular(MODEL)
