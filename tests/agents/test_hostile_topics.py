"""Topics that every worker reads as a whole: no record of theirs ends a worker, or changes what it is not about.

A record that did would do so on every worker and at every start, for a compacted topic keeps it.
"""

import asyncio
import json
import struct
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from agents.catalogue import MAX_ENTRY_BYTES, Catalogue, CatalogueEntry, CatalogueMetrics
from agents.popularity.popularity import GlobalPopularity, Share
from agents.rollout.metrics import RolloutMetrics
from agents.rollout.model_updates import ModelUpdates
from agents.rollout.models_in_use import ModelsInUse
from agents.users.user_state import UserState
from models.factorization.factor_model import FactorModel
from models.factorization.model_id import ModelId
from models.feedback.events import Play
from models.feedback.history import EMPTY_HISTORY, LatestRegion
from models.names import is_identifier
from models.rollout.announcement import Announcement
from tables.errors import RowCorrupt
from tables.position import Position
from tests.support.announcements import FIELDS as ANNOUNCEMENT
from tests.support.event_fields import TS
from tests.support.hostile import DEPTHS, ODD, deep, fields_of, for_all, mutations, outcome, runs, texts

KEYS = (
    st.none()
    | st.binary(max_size=80)
    | ODD
    | st.sampled_from([b"v1", b"v2", b"us", b"\0", b"x" * 65, b"x" * 1_000_000])
)
ENTRY = {
    "title": "One",
    "genres": ["Drama"],
    "year": 1999,
    "duration_seconds": 60,
    "maturity": 12,
    "regions": ["us"],
    "devices": ["tv"],
    "available_from": "2026-01-01T00:00:00Z",
    "available_until": None,
}
COUNTS = {"fence": 7, "counts": {"v1": 3, "v2": 4}}


def record(key: bytes | None, value: bytes | None) -> Any:
    """A record as a consumer gives it."""
    return SimpleNamespace(offset=1, key=key, value=value)


def new_catalogue() -> Catalogue:
    return Catalogue(3, CatalogueMetrics(CollectorRegistry()))


@runs
def test_a_catalogue_record_changes_its_own_entry_or_nothing(examples: int) -> None:
    catalogue = new_catalogue()
    good = record(b"v1", json.dumps(ENTRY).encode())

    async def check(key: bytes | None, value: bytes | None) -> None:
        await catalogue.apply(good)
        before = catalogue.get("v1")
        await catalogue.apply(record(key, value))
        assert len(catalogue) <= 3
        assert key == b"v1" or catalogue.get("v1") == before
        entry = catalogue.get((key or b"").decode(errors="replace"))
        if entry is not None:
            assert is_identifier((key or b"").decode())
            assert msgspec.json.decode(msgspec.json.encode(entry), type=CatalogueEntry) == entry

    values = st.none() | texts(fields_of(ENTRY))
    for_all(st.tuples(KEYS, values), lambda given: asyncio.run(check(*given)), examples)


@pytest.mark.parametrize("depth", DEPTHS)
async def test_no_nesting_ends_the_reader_of_the_catalogue(depth: int) -> None:
    catalogue = new_catalogue()
    for text in deep(depth):
        await catalogue.apply(record(b"v1", b'{"title":"One","stranger":%s}' % text))
        await catalogue.apply(record(b"v2", text))
    await catalogue.apply(record(b"v3", b'{"title":"Three"}'))
    assert catalogue.get("v2") is None
    assert catalogue.get("v3") == CatalogueEntry(title="Three")


async def test_the_longest_entry_is_taken_and_a_longer_record_refused() -> None:
    catalogue = new_catalogue()
    code = "😀" * 64
    longest = CatalogueEntry(title="😀" * 512, genres=(code,) * 64, regions=(code,) * 512, devices=(code,) * 64)
    written = msgspec.json.encode(longest)
    await catalogue.apply(record(b"v1", written))
    assert catalogue.get("v1") == longest
    await catalogue.apply(record(b"v2", written + b" " * (MAX_ENTRY_BYTES + 1 - len(written))))
    assert catalogue.get("v2") is None


@runs
def test_a_popularity_record_counts_or_is_refused(examples: int) -> None:
    key = Share(0, "us", 20_000, 3).encode()
    odd_key = st.tuples(*[st.sampled_from([b"0", b"1", b"us", b"20000", b"-1", b"", b" 1", b"1_0", b"9" * 5_000])] * 4)
    keys = st.just(key) | mutations(key) | odd_key.map(b"/".join) | KEYS

    async def check(key: bytes | None, value: bytes | None) -> None:
        popularity = GlobalPopularity()
        await popularity.apply(record(Share(1, "us", 20_000, 3).encode(), json.dumps(COUNTS).encode()))
        await popularity.apply(record(key, value))
        found = dict(popularity.top(None, 3_000_000, 1_000))
        assert found["v1"] >= 3
        assert found["v2"] >= 4
        assert msgspec.json.decode(msgspec.json.encode(found)) == found

    values = st.none() | texts(fields_of(COUNTS))
    for_all(st.tuples(keys, values), lambda given: asyncio.run(check(*given)), examples)


@pytest.mark.parametrize("depth", DEPTHS)
async def test_no_nesting_ends_the_reader_of_popularity(depth: int) -> None:
    popularity = GlobalPopularity()
    for text in deep(depth):
        await popularity.apply(record(b"0/us/1/1", b'{"fence":1,"counts":{},"stranger":%s}' % text))
        await popularity.apply(record(b"0/us/1/2", text))
    assert popularity.top(None, None, 10) == []
    assert popularity.rejected > 0


@pytest.mark.parametrize(
    "key",
    [
        b"0/us/3000000/1",
        b"0/us/-3000000/1",
        b"0/us/%s/1" % (b"9" * 400),
        b"-1/us/1/1",
        b"0/US/1/1",
        b"0/us/1/-1",
        b"00/us/1/1",
        b"0/us/ 1/1",
        "0/us/\N{ARABIC-INDIC DIGIT ONE}/1".encode(),
        b"0/us/1/1/1",
        b"0/us/1",
        b"\xff",
        None,
    ],
)
async def test_a_key_that_no_worker_writes_is_refused(key: bytes | None) -> None:
    popularity = GlobalPopularity()
    await popularity.apply(record(key, json.dumps(COUNTS).encode()))
    assert (popularity.rejected, popularity.top(None, None, 10)) == (1, [])


@runs
def test_no_record_of_the_models_topic_ends_the_reader(examples: int) -> None:
    asked: list[Announcement] = []

    def fetch(announcement: Announcement) -> FactorModel:
        asked.append(announcement)
        raise AssertionError("nothing is fetched before the topic is read to its end")

    async def never(*_: object) -> Any:
        raise AssertionError("nothing is tried, and nothing told, before the topic is read to its end")

    async def check(key: bytes | None, value: bytes | None) -> None:
        models = ModelsInUse(RolloutMetrics(CollectorRegistry()))
        updates = ModelUpdates(models, fetch, never, never, "w1")
        await updates.apply(record(key, value))
        await updates.apply_rejection(record(key, value))
        assert msgspec.json.encode(models.status())
        assert len(models.status()) <= 1

    values = st.none() | texts(fields_of(ANNOUNCEMENT))
    for_all(st.tuples(KEYS, values), lambda given: asyncio.run(check(*given)), examples)
    assert asked == []


@runs
def test_a_user_row_or_corrupt(examples: int) -> None:
    events = [Play(event_id=f"e{n}", user_id="u", video_id=f"v{n}", ts=TS, seconds_watched=9.0) for n in range(3)]
    history = msgspec.structs.replace(EMPTY_HISTORY.apply(events, 500), region=LatestRegion("us", 1, 2))
    row = UserState(history, 7, bytes(16), 1, ModelId("us", "version").encoded, bytes(8), bytes(8)).encode()

    def check(data: bytes) -> None:
        state = outcome(UserState.decode, RowCorrupt, data)
        if isinstance(state, UserState):
            assert UserState.decode(state.encode()) == state
            assert len(state.history.videos) == len(state.history)
            assert len(state.top.rows) == len(state.top.scores)

    cut = st.tuples(st.integers(0, 40), st.binary(min_size=1, max_size=8)).map(
        lambda at: row[: at[0]] + at[1] + row[at[0] + len(at[1]) :]  # as long as before: the header lies
    )
    for_all(cut | mutations(row) | st.binary(max_size=200), check, examples)


@runs
def test_a_position_or_corrupt(examples: int) -> None:
    row = Position(7, 1 << 60).encode()

    def check(data: bytes) -> None:
        position = outcome(Position.decode, RowCorrupt, data)
        if isinstance(position, Position):
            assert position.next_offset >= 0
            assert Position.decode(position.encode()) == position
            assert data[8] == 1 or position.encode()[12:] == data[12:]

    layouts = st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(0, 2), st.integers(0, 2**64 - 1))
    both = layouts.map(lambda parts: struct.pack("<qBQ", *parts)) | layouts.map(
        lambda parts: struct.pack("<qB3sQ", *parts[:2], b"\1\2\3", parts[2])
    )
    for_all(both | mutations(row), check, examples)
