"""Chunks to rows: any chunk borders, repeats, duplicates and restarts end in the state of one event at a time."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import islice
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.events.chunks import Chunk
from agents.events.member_events import MemberEvents, PreparedChunk, UserBounds
from agents.popularity.own_popularity import POPULARITY_PREFIX, OwnPopularity
from agents.users.recent_users import RecentUsers
from agents.users.user_scores import UserScores
from agents.users.user_state import UserState
from app.worker.metrics import WorkerMetrics
from models.factorization.factor_model import FactorModel
from models.feedback.events import Event, Play, encode_event
from models.feedback.history import EMPTY_HISTORY
from models.inference.recommend import recommend
from tables.batch_table import BatchTable
from tables.position import POSITION_KEY, Position
from tests.support.event_path.made_up_events import BOUNDS, NOW, STORED_SCORES, events


def record(offset: int, event: Event) -> Any:
    """The source record of an event."""
    return raw(offset, event.user_id.encode(), encode_event(event))


def raw(offset: int, key: bytes | None, value: bytes | None) -> Any:
    """A source record."""
    return SimpleNamespace(
        topic="member-events", partition=0, offset=offset, timestamp=1, key=key, value=value, headers=()
    )


class Rig:
    """One partition's way from records to rows, without a broker."""

    def __init__(
        self, table: BatchTable, model: FactorModel | None, metrics: WorkerMetrics, bounds: UserBounds = BOUNDS
    ) -> None:
        self.table, self.model, self.metrics, self.bounds = table, model, metrics, bounds
        self.restart()

    def restart(self) -> None:
        """Forget everything but the table."""
        own = OwnPopularity(30, self.metrics.popularity)
        own.begin(0)
        own.load(0, self.table.scan(0, POPULARITY_PREFIX))
        scores = UserScores(lambda _: self.model, STORED_SCORES, self.metrics.users)
        self.member_events = MemberEvents(
            table=self.table,
            scores=scores,
            popularity=own,
            bounds=self.bounds,
            partitions=1,
            metrics=self.metrics.events,
            recent=RecentUsers(),
            now=NOW.timestamp,
        )

    def apply(self, records: Sequence[Any]) -> PreparedChunk:
        """Prepare a chunk and store it, position and all."""
        prepared = self.member_events.prepare(Chunk(0, {0: records}, {0: records[0].offset}))
        part = prepared.partitions[0]
        self.table.commit(0, {**part.rows, POSITION_KEY: part.position.encode()}, part.reached)
        return prepared

    def state(self, user: str) -> UserState:
        """What is stored of a user."""
        return UserState.decode(self.table.read(0, user.encode()))

    def popularity(self) -> dict[bytes, int]:
        """Count by popularity row."""
        return {key: int.from_bytes(row[8:12], "little") for key, row in self.table.scan(0, POPULARITY_PREFIX)}


Maker = Callable[[], BatchTable]
property_test = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)


@property_test
@given(happened=st.lists(events(), min_size=1, max_size=25, unique_by=lambda event: event.event_id), data=st.data())
def test_chunk_borders_restarts_and_repeats_do_not_matter(
    make_table: Maker, model: FactorModel, metrics: WorkerMetrics, happened: list[Event], data: st.DataObject
) -> None:
    records = [record(offset, event) for offset, event in enumerate(happened)]
    singly = Rig(make_table(), model, metrics)
    for one in records:
        singly.apply([one])

    chunked, at = Rig(make_table(), model, metrics), 0
    while at < len(records):
        border = data.draw(st.integers(at + 1, len(records)))
        start = data.draw(st.integers(0, at)) if data.draw(st.booleans()) else at  # a replay of what is applied
        chunked.apply(records[start:border])
        if data.draw(st.booleans()):
            chunked.restart()
        at = border

    assert chunked.table.position(0) == singly.table.position(0)
    assert chunked.popularity() == singly.popularity()
    for user in {event.user_id for event in happened}:
        one, other = singly.state(user), chunked.state(user)
        expected = EMPTY_HISTORY.apply([event for event in happened if event.user_id == user], BOUNDS.history_limit)
        assert one.history == other.history == expected
        assert (
            one.applied_offset
            == other.applied_offset
            == max(at for at, event in enumerate(happened) if event.user_id == user)
        )
        assert one.recent == other.recent
        np.testing.assert_allclose(one.top.scores, other.top.scores, rtol=1e-4, atol=1e-6)


@property_test
@given(happened=st.lists(events(), min_size=1, max_size=12, unique_by=lambda event: event.event_id), data=st.data())
def test_a_chunk_of_which_only_the_first_rows_landed_counts_once(
    make_table: Maker, model: FactorModel, metrics: WorkerMetrics, happened: list[Event], data: st.DataObject
) -> None:
    """Its rows needed several batches, the process died in between, and some events were sent twice."""
    twice = data.draw(st.lists(st.sampled_from(happened), max_size=6))
    sent = data.draw(st.permutations([*happened, *twice]))
    records = [record(offset, event) for offset, event in enumerate(sent)]
    singly = Rig(make_table(), model, metrics)
    for one in records:
        singly.apply([one])

    torn = Rig(make_table(), model, metrics)
    before = data.draw(st.integers(0, len(records) - 1))
    if before:
        torn.apply(records[:before])
    died_at = data.draw(st.integers(before + 1, len(records)))
    part = torn.member_events.prepare(Chunk(0, {0: records[before:died_at]}, {0: before})).partitions[0]
    landed = data.draw(st.integers(0, 30))
    torn.table.commit(0, dict(islice(part.rows.items(), landed)), 1)
    torn.restart()
    border = data.draw(st.integers(before + 1, len(records)))
    for some in (records[before:border], records[border:]):
        if some:
            torn.apply(some)
    assert torn.popularity() == singly.popularity()
    for user in {event.user_id for event in happened}:
        one, other = singly.state(user), torn.state(user)
        assert (one.history, one.recent) == (other.history, other.recent)


def test_a_repeat_in_a_chunk_that_landed_without_its_position_is_not_counted(
    make_table: Maker, model: FactorModel, metrics: WorkerMetrics
) -> None:
    rig = Rig(make_table(), model, metrics)
    records = [record(offset, play("ann", "v1", 1)) for offset in range(2)]
    part = rig.member_events.prepare(Chunk(0, {0: records}, {0: 0})).partitions[0]
    rig.table.commit(0, part.rows, 1)
    rig.restart()
    rig.apply(records)
    assert list(rig.popularity().values()) == [1]


@property_test
@given(happened=st.lists(events(), min_size=1, max_size=15, unique_by=lambda event: event.event_id))
def test_a_producers_duplicates_change_nothing(
    make_table: Maker, model: FactorModel, metrics: WorkerMetrics, happened: list[Event]
) -> None:
    rig = Rig(make_table(), model, metrics)
    rig.apply([record(offset, event) for offset, event in enumerate(happened)])
    before = {user: rig.state(user) for user in ("ann", "bob", "cleo")}
    counts = rig.popularity()
    prepared = rig.apply([record(len(happened) + offset, event) for offset, event in enumerate(happened)])
    assert prepared.partitions[0].rows == {}
    assert rig.popularity() == counts
    for user, state in before.items():
        assert rig.state(user).history == state.history


@pytest.mark.parametrize("again", [1, 2, 3])
def test_what_a_row_covers_is_not_applied_again_though_its_ids_are_forgotten(
    make_table: Maker, model: FactorModel, metrics: WorkerMetrics, again: int
) -> None:
    """The applied offset alone tells: ids are remembered of a few events, and here of none."""
    records = [record(offset, play("ann", f"v{offset}", 9 - offset)) for offset in range(3)]
    rig = Rig(make_table(), model, metrics, UserBounds(history_limit=5, recent_events=0))
    rig.apply(records)
    before = rig.table.read(0, b"ann")
    prepared = rig.apply(records[-again:])
    assert prepared.partitions[0].rows == {}
    assert metrics.events.repeated._value.get() == again
    assert rig.table.read(0, b"ann") == before
    assert sorted(rig.popularity().values()) == [1, 1, 1]
    rig.restart()
    rig.apply([*records[-again:], record(3, play("ann", "v3", 1))])
    assert rig.state("ann").applied_offset == 3
    assert rig.state("ann").history.videos == ("v0", "v1", "v2", "v3")


def test_the_newest_event_ids_are_the_ones_that_are_remembered(
    make_table: Maker, model: FactorModel, metrics: WorkerMetrics
) -> None:
    sent = [play("ann", f"v{number}", 9 - number) for number in range(4)]
    rig = Rig(make_table(), model, metrics, UserBounds(history_limit=5, recent_events=2))
    rig.apply([record(offset, event) for offset, event in enumerate(sent)])
    prepared = rig.apply([record(4 + offset, event) for offset, event in enumerate(sent[2:])])
    assert prepared.partitions[0].rows == {}
    assert metrics.events.duplicate._value.get() == 2
    assert rig.state("ann").applied_offset == 3


def test_the_stored_list_is_what_the_offline_path_recommends(
    make_table: Maker, model: FactorModel, metrics: WorkerMetrics
) -> None:
    happened = [play("ann", "v1", 1), play("ann", "v2", 2), play("bob", "v3", 3)]
    rig = Rig(make_table(), model, metrics)
    rig.apply([record(offset, event) for offset, event in enumerate(happened)])
    for user, count in (("ann", 2), ("bob", 1)):
        state = rig.state(user)
        history = EMPTY_HISTORY.apply([event for event in happened if event.user_id == user], 5)
        (expected,) = recommend(model, [history], STORED_SCORES)
        assert len(state.history) == count
        assert state.version == model.version
        np.testing.assert_array_equal(state.top.rows, expected.rows)
        np.testing.assert_allclose(state.top.scores, expected.scores, rtol=1e-5)


def test_without_a_model_histories_are_kept_and_nothing_is_scored(make_table: Maker, metrics: WorkerMetrics) -> None:
    rig = Rig(make_table(), None, metrics)
    rig.apply([record(0, play("ann", "v1", 1))])
    state = rig.state("ann")
    assert (state.history.videos, state.version, len(state.top)) == (("v1",), "", 0)


def test_bad_records_become_dead_letters_and_good_ones_between_them_are_applied(
    make_table: Maker, model: FactorModel, metrics: WorkerMetrics
) -> None:
    good = [play("ann", "v1", 1), play("ann", "v2", 2)]
    late = Play(event_id="x", user_id="ann", video_id="v3", ts=NOW + timedelta(days=2), seconds_watched=1.0)
    records = [
        raw(0, b"ann", b"{"),
        record(1, good[0]),
        raw(2, b"bob", encode_event(good[0])),
        raw(3, b"ann", None),
        record(4, late),
        record(5, good[1]),
        raw(6, b"ann", b"x" * 20_000),
    ]
    rig = Rig(make_table(), model, metrics)
    prepared = rig.apply(records)
    assert [(letter.record.offset, letter.rejected.reason) for letter in prepared.rejected] == [
        (0, "invalid_json"),
        (2, "key_mismatch"),
        (3, "empty"),
        (4, "future_ts"),
        (6, "too_large"),
    ]
    assert rig.state("ann").history == EMPTY_HISTORY.apply(good, 5)
    position = rig.table.position(0)
    assert isinstance(position, Position)
    assert position.next_offset == 7


def test_a_chunk_of_nothing_but_bad_records_moves_the_position(
    make_table: Maker, model: FactorModel, metrics: WorkerMetrics
) -> None:
    rig = Rig(make_table(), model, metrics)
    prepared = rig.apply([raw(offset, b"ann", b"{") for offset in range(1000)])
    assert len(prepared.rejected) == 1000
    position = rig.table.position(0)
    assert isinstance(position, Position)
    assert position.next_offset == 1000


def play(user: str, video: str, number: int) -> Play:
    """A play, `number` hours before now."""
    ts = NOW - timedelta(hours=number)
    return Play(event_id=f"{user}-{number}", user_id=user, video_id=video, ts=ts, seconds_watched=3000.0)
