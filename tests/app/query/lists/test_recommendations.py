from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.catalogue import CatalogueEntry
from agents.users.user_state import NEW_USER, UserState
from app.query.lists import recommendations
from app.query.lists.context_filter import ContextFilter
from app.query.lists.item_cache import ItemCache
from app.query.lists.paging import Page
from app.query.lists.recommendations import lacks_list, score_and_rank, solved_page
from app.query.schema.requests import RecommendationQuery
from models.factorization.factor_model import FactorModel
from models.factorization.model_id import ModelId
from models.numerics.scoring import TopN
from tests.app.query.lists.pages import decoded
from tests.app.query.world import (
    NOW,
    STORED,
    VIDEOS,
    MemoryCatalogue,
    history,
    ids,
    make_model,
    play,
    rate,
    stored,
    video,
)

MODEL = make_model()
PAST = history(play(0), play(3))
STATE = stored(PAST, MODEL)
OTHER_VERSION = replace(STATE, model=ModelId(MODEL.region, "zero").encoded)


def context_filter(
    catalogue: dict[str, CatalogueEntry] | None = None, region: str | None = None, **query: Any
) -> ContextFilter:
    return ContextFilter.of((catalogue or {}).get, RecommendationQuery(**query), region, NOW)


def stored_page(state: UserState, model: FactorModel, of: ContextFilter) -> Page | None:
    return recommendations.stored_page(state, model, of, ItemCache(MemoryCatalogue()))


def listed(state: UserState, of: ContextFilter, model: FactorModel = MODEL) -> Page:
    """The page, whichever way it is made."""
    page = stored_page(state, model, of) or solved_page(state, model, of)
    assert page is not None
    return page


def names(page: Page | None) -> list[str]:
    assert page is not None
    return [item.video_id for item in decoded(page)]


def test_stored_list_is_cut_without_seen_videos() -> None:
    assert names(stored_page(STATE, MODEL, context_filter(limit=4))) == ["v001", "v002", "v004", "v005"]


def test_score_is_the_closed_form_of_one_factor() -> None:
    confidences = 1.0 + (VIDEOS - 3) ** 2 / VIDEOS**2  # sum of s v^2 over v000 and v003
    total = sum(number**2 for number in range(1, VIDEOS + 1)) / VIDEOS**2
    likes = 1.0 + (VIDEOS - 3) / VIDEOS
    factor = likes / (confidences + 0.2 * total + 0.01 * (2 + 0.2 * VIDEOS))
    expected = factor * (VIDEOS - 1) / VIDEOS
    page = stored_page(STATE, MODEL, context_filter(limit=1))
    assert page is not None
    assert decoded(page)[0].score == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("state", [STATE, OTHER_VERSION], ids=["stored", "other version"])
def test_both_ways_give_the_same_page(state: UserState) -> None:
    of = context_filter(limit=20, offset=10)
    page, solved = listed(state, of), solved_page(STATE, MODEL, of)
    assert solved is not None
    assert (decoded(page), page.complete) == (decoded(solved), solved.complete)


def test_row_of_another_version_is_not_used() -> None:
    upside_down = make_model("two", upside_down=True)
    assert stored_page(STATE, upside_down, context_filter()) is None
    assert names(listed(STATE, context_filter(limit=2), upside_down)) == [video(VIDEOS - 1), video(VIDEOS - 2)]


def test_stored_list_that_ends_too_early_is_not_used() -> None:
    assert stored_page(STATE, MODEL, context_filter(offset=STORED - 1, limit=2)) is None
    assert names(stored_page(STATE, MODEL, context_filter(offset=STORED - 1, limit=1))) == ids(
        STORED - 1, STORED, [0, 3]
    )


def test_stored_list_suffices_when_min_score_ends_it() -> None:
    fifth = decoded(listed(STATE, context_filter(limit=5)))[-1].score
    page = stored_page(STATE, MODEL, context_filter(limit=200, min_score=fifth))
    assert names(page) == ids(0, 5, [0, 3])


def test_include_seen_is_solved_on_the_spot() -> None:
    of = context_filter(limit=5, include_seen=True)
    assert stored_page(STATE, MODEL, of) is None
    assert names(solved_page(STATE, MODEL, of)) == ids(0, 5)


@given(st.integers(7, 200), st.sampled_from([STATE, OTHER_VERSION]), st.booleans())
def test_pages_concatenate_to_the_whole_list(limit: int, state: UserState, include_seen: bool) -> None:
    pages = [
        names(listed(state, context_filter(limit=limit, offset=offset, include_seen=include_seen)))
        for offset in range(0, VIDEOS + limit, limit)
    ]
    assert [name for page in pages for name in page] == ids(0, VIDEOS, [] if include_seen else [0, 3])
    assert all(len(page) == limit for page in pages[: (VIDEOS - 2) // limit])


@given(
    catalogue=st.dictionaries(
        st.integers(0, VIDEOS - 1).map(video),
        st.builds(
            CatalogueEntry,
            title=st.just("t"),
            genres=st.sampled_from([(), ("Comedy",), ("Drama", "comedy")]),
            maturity=st.integers(0, 18),
            regions=st.sampled_from([(), ("us",), ("fr", "us")]),
            devices=st.sampled_from([(), ("tv",), ("phone",)]),
        ),
        max_size=VIDEOS,
    ),
    exclude=st.frozensets(st.integers(0, VIDEOS - 1).map(video), max_size=60),
    maturity=st.integers(0, 18),
    state=st.sampled_from([STATE, OTHER_VERSION]),
    offset=st.integers(0, 80),
)
def test_filters_never_leak_and_leave_out_nothing_else(
    catalogue: dict[str, CatalogueEntry], exclude: frozenset[str], maturity: int, state: UserState, offset: int
) -> None:
    of = context_filter(
        catalogue, "fr", exclude=tuple(exclude), maturity=maturity, genre="COMEDY", device="tv", limit=30, offset=offset
    )

    def wanted(name: str) -> bool:
        entry = catalogue.get(name)
        if name in exclude or entry is None:  # a genre is asked for, and of this video none is known
            return False
        regions, devices = entry.regions or ("fr",), entry.devices or ("tv",)
        has_genre = any(genre.lower() == "comedy" for genre in entry.genres)
        return entry.maturity <= maturity and "fr" in regions and "tv" in devices and has_genre

    allowed = [name for name in ids(0, VIDEOS, [0, 3]) if wanted(name)]
    assert names(listed(state, of)) == allowed[offset : offset + 30]


def test_stored_order_is_kept_where_a_batch_rounded_otherwise() -> None:
    swapped = STATE.top.rows.copy()
    swapped[[9, 10]] = swapped[[10, 9]]
    state = STATE.scored(MODEL.id, TopN(swapped, STATE.top.scores))
    first = names(listed(state, context_filter(limit=10)))
    second = names(listed(state, context_filter(limit=VIDEOS - 12, offset=10)))
    assert sorted(first + second) == ids(0, VIDEOS, [0, 3])


def test_score_that_is_not_finite_never_gets_through() -> None:
    scores = STATE.top.scores.copy()
    scores[0], scores[2] = float("inf"), float("nan")
    state = STATE.scored(MODEL.id, TopN(STATE.top.rows, scores))
    assert names(stored_page(state, MODEL, context_filter(limit=2))) == [ids(0, 2, [0, 3])[1], ids(0, 4, [0, 3])[3]]


def test_user_who_dislikes_all_has_no_list() -> None:
    past = history(rate(5, 1.0))
    assert solved_page(stored(past, None), MODEL, context_filter()) is None
    assert lacks_list(stored(past, MODEL), MODEL, include_seen=False)
    assert not lacks_list(
        replace(stored(past, MODEL), model=ModelId(MODEL.region, "zero").encoded), MODEL, include_seen=False
    )
    assert lacks_list(NEW_USER, MODEL, include_seen=True)
    assert not lacks_list(STATE, MODEL, include_seen=True)


def test_rank_counts_the_better_videos() -> None:
    scored = score_and_rank(PAST, MODEL, 17)
    assert scored is not None
    assert scored[1] == 18
    assert scored[0] == pytest.approx(decoded(listed(STATE, context_filter(limit=1, offset=15)))[0].score)
    assert score_and_rank(history(rate(5, 1.0)), MODEL, 17) is None
