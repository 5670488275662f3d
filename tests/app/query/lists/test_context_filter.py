from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.catalogue import CatalogueEntry
from app.query.lists.context_filter import ContextFilter
from app.query.schema.requests import RecommendationQuery
from tests.app.query.world import NOW

_NOW = datetime.fromtimestamp(NOW, UTC)
_SECOND = timedelta(seconds=1)


def admits(entry: dict[str, Any], user_region: str | None = None, **query: Any) -> bool:
    made = ContextFilter.of(lambda _: None, RecommendationQuery(**query), user_region, NOW)
    known = CatalogueEntry(title="t", **entry)
    assert made.suits(known) == made.admits(known), "the shortcut of `suits` gives what the rule does"
    return made.admits(known)


@pytest.mark.parametrize(
    ("entry", "query", "shown"),
    [
        ({}, {}, True),
        ({"maturity": 12}, {"maturity": 12}, True),
        ({"maturity": 13}, {"maturity": 12}, False),
        ({"maturity": 18}, {}, True),
        ({"regions": ("us",)}, {"region": "us"}, True),
        ({"regions": ("us",)}, {"region": "fr"}, False),
        ({"regions": ("us",)}, {}, True),
        ({"devices": ("tv",)}, {"device": "tv"}, True),
        ({"devices": ("tv",)}, {"device": "phone"}, False),
        ({"devices": ("tv",)}, {}, True),
        ({"genres": ("Film-Noir",)}, {"genre": "film-noir"}, True),
        ({"genres": ()}, {"genre": "Drama"}, False),
        ({"available_from": _NOW}, {}, True),
        ({"available_from": _NOW + _SECOND}, {}, False),
        ({"available_until": _NOW}, {}, False),
        ({"available_until": _NOW + _SECOND}, {}, True),
    ],
)
def test_entry_against_context(entry: dict[str, Any], query: dict[str, Any], shown: bool) -> None:
    assert admits(entry, **query) is shown


def test_region_of_the_query_goes_before_that_of_the_user() -> None:
    assert not admits({"regions": ("us",)}, user_region="fr")
    assert admits({"regions": ("us",)}, user_region="fr", region="us")


def test_what_is_hidden_later_is_hidden_besides_what_the_request_excludes() -> None:
    made = ContextFilter.of(lambda _: None, RecommendationQuery(exclude=("a",)), None, NOW).without({"b"})
    assert [made.shows(video_id) for video_id in "abc"] == [False, False, True]
