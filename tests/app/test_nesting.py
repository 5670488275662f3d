"""The bound of nesting holds for what topics, files and requests bring, in fields that nobody asked for."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from agents.catalogue import Catalogue, CatalogueMetrics
from agents.popularity.popularity import GlobalPopularity
from app.errors import JobFailed
from app.offline.data.catalogue_file import decode_catalogue
from app.offline.data.events_file import key_of
from app.query.http.problems import Problem
from app.query.schema.requests import decode_body
from models.json_nesting import MAX_NESTING
from tests.support.nested_json import nested, stranger_in


class _Asked(msgspec.Struct):
    limit: int


def _in_a_body(value: bytes) -> bool:
    try:
        return decode_body(stranger_in(b'{"limit":1}', value), _Asked).limit == 1
    except Problem as problem:
        return "nested more than" not in str(problem.details.detail)


def _in_a_catalogue_record(value: bytes) -> bool:
    catalogue = Catalogue(3, CatalogueMetrics(CollectorRegistry()))
    record = SimpleNamespace(offset=1, key=b"v1", value=stranger_in(b'{"title":"One"}', value))
    asyncio.run(catalogue.apply(cast(Any, record)))
    return len(catalogue) == 1


def _in_a_popularity_record(value: bytes) -> bool:
    popularity = GlobalPopularity()
    record = SimpleNamespace(key=b"0/us/1/1", value=stranger_in(b'{"fence":1,"counts":{"v":2}}', value))
    asyncio.run(popularity.apply(cast(Any, record)))
    return popularity.top(None, None, 9) == [("v", 2)] and popularity.rejected == 0


def _in_a_line_of_events(value: bytes) -> bool:
    return key_of(stranger_in(b'{"user_id":"u1"}', value)) == b"u1"


def _in_a_line_of_the_catalogue(value: bytes) -> bool:
    try:
        return set(decode_catalogue([stranger_in(b'{"video_id":"v1","title":"One"}', value)])) == {"v1"}
    except JobFailed as failed:
        return "nested more than" not in str(failed)


@pytest.mark.parametrize(
    "is_read",
    [
        _in_a_body,
        _in_a_catalogue_record,
        _in_a_popularity_record,
        _in_a_line_of_events,
        _in_a_line_of_the_catalogue,
    ],
)
def test_nothing_is_read_beyond_the_bound(is_read: Callable[[bytes], bool]) -> None:
    assert is_read(nested(MAX_NESTING - 1))
    assert not any(is_read(nested(depth)) for depth in (MAX_NESTING, 900, 3_000, 100_000))
