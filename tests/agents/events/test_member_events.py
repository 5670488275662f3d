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
from agents.events.member_events import MemberEvents, PreparedChunk, PreparedPartition, UserBounds
from agents.kafka.partitions import partition_of
from agents.popularity.own_popularity import POPULARITY_PREFIX, OwnPopularity
from agents.users.applied_erasures import Applied, AppliedErasures
from agents.users.misplaced_users import MisplacedUsers
from agents.users.recent_users import RecentUsers
from agents.users.user_scores import UserScores
from agents.users.user_state import UserState
from app.worker.metrics import WorkerMetrics
from models.factorization.factor_model import FactorModel
from models.feedback.events import Event, Play, encode_event
from models.feedback.history import EMPTY_HISTORY
from models.inference.recommend import recommend
from tables.applied_offset import APPLIED_OFFSET, CHANGELOG_OFFSET_KEY
from tables.batch_table import BatchTable
from tables.position import POSITION_KEY, Position
from tables.replay import Replay
from tables.tombstones import tombstone_headers
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
        self,
        table: BatchTable,
        model: FactorModel | None,
        metrics: WorkerMetrics,
        bounds: UserBounds = BOUNDS,
        partitions: int = 1,
    ) -> None:
        self.table, self.model, self.metrics, self.bounds, self.partitions = table, model, metrics, bounds, partitions
        self.clock: Callable[[], float] = NOW.timestamp
        self.erasures = AppliedErasures(table, lambda _: True, metrics.users)
        self.misplaced = MisplacedUsers()
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
            partitions=self.partitions,
            metrics=self.metrics.events,
            recent=RecentUsers(),
            erasures=self.erasures,
            misplaced=self.misplaced,
            now=self.clock,
        )

    def apply(self, records: Sequence[Any]) -> PreparedChunk:
        """Prepare a chunk and store it, position and all."""
        prepared = self.member_events.prepare(Chunk(0, {0: records}, {0: records[0].offset}))
        part = prepared.partitions[0]
        self.table.commit(0, {**part.rows, POSITION_KEY: part.position.encode()}, part.reached)
        return prepared

    def lands(self, part: PreparedPartition, count: int) -> None:
        """Replay the first rows of a partition, which reached the changelog without the position, and start anew."""
        replay = Replay(self.table, 0)
        headers = tombstone_headers(part.position.next_offset - 1)
        landed = [
            SimpleNamespace(
                offset=replay.next_offset + number, key=key, value=row, headers=() if row is not None else headers
            )
            for number, (key, row) in enumerate(islice(part.rows.items(), count))
        ]
        replay.apply(landed, replay.next_offset + len(landed))
        self.restart()

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


USERS = ("ann", "bob", "cleo")
FORGETFUL = UserBounds(history_limit=5, recent_events=3)


def erasure(offset: int, user: str) -> Any:
    """The source record that erases a user."""
    return raw(offset, user.encode(), None)


def sent_with_erasures(data: st.DataObject) -> list[Any]:
    """Source records: events, some of them sent more than once, and erasures between them."""
    happened = data.draw(st.lists(events(), min_size=1, max_size=12, unique_by=lambda event: event.event_id))
    twice = data.draw(st.lists(st.sampled_from(happened), max_size=8))
    erased = data.draw(st.lists(st.sampled_from(USERS), max_size=6))
    sent = data.draw(st.permutations([*happened, *twice, *erased]))
    return [erasure(at, one) if isinstance(one, str) else record(at, one) for at, one in enumerate(sent)]


def rows(rig: Rig) -> dict[str, Any]:
    """What is stored of every user, None for who is erased; scores apart, which rounding may change."""
    found = {}
    for user in USERS:
        state = rig.state(user)
        stored = rig.table.read(0, user.encode()) is not None
        found[user] = (state.history, state.applied_offset, state.recent, state.written_at) if stored else None
    return found


@property_test
@given(data=st.data())
def test_erasures_and_repeats_in_any_chunks_come_to_what_single_records_do(
    make_table: Maker, model: FactorModel, metrics: WorkerMetrics, data: st.DataObject
) -> None:
    """Of so few remembered ids, some are forgotten in the middle of a chunk."""
    records = sent_with_erasures(data)
    singly = Rig(make_table(), model, metrics, FORGETFUL)
    for one in records:
        singly.apply([one])
    chunked, at = Rig(make_table(), model, metrics, FORGETFUL), 0
    while at < len(records):
        border = data.draw(st.integers(at + 1, len(records)))
        chunked.apply(records[at:border])
        if data.draw(st.booleans()):
            chunked.restart()
        at = border
    assert rows(chunked) == rows(singly)
    assert chunked.popularity() == singly.popularity()
    for one in records:
        if one.value is None:
            assert chunked.erasures.applied(0, one.offset) == singly.erasures.applied(0, one.offset)


@property_test
@given(data=st.data())
def test_of_a_chunk_with_erasures_any_part_may_land_before_its_position(
    make_table: Maker, model: FactorModel, metrics: WorkerMetrics, data: st.DataObject
) -> None:
    """A successor replays what landed, rows and tombstones, and applies the chunk's records once more."""
    records = sent_with_erasures(data)
    singly = Rig(make_table(), model, metrics, FORGETFUL)
    for one in records:
        singly.apply([one])

    torn = Rig(make_table(), model, metrics, FORGETFUL)
    before = data.draw(st.integers(0, len(records) - 1))
    if before:
        torn.apply(records[:before])
    died_at = data.draw(st.integers(before + 1, len(records)))
    part = torn.member_events.prepare(Chunk(0, {0: records[before:died_at]}, {0: before})).partitions[0]
    torn.lands(part, data.draw(st.integers(0, 30)))
    at = before
    while at < len(records):
        border = data.draw(st.integers(at + 1, len(records)))
        torn.apply(records[at:border])
        at = border
    assert torn.popularity() == singly.popularity()
    assert rows(torn) == rows(singly)


def test_what_a_tombstone_without_its_position_covers_is_applied_already(
    make_table: Maker, model: FactorModel, metrics: WorkerMetrics
) -> None:
    """The repeat that it covers would count once more: whoever is erased remembers no event."""
    rig = Rig(make_table(), model, metrics)
    first = play("ann", "v1", 1)
    rig.apply([record(0, first)])
    chunk = [record(1, first), erasure(2, "ann")]
    part = rig.member_events.prepare(Chunk(0, {0: chunk}, {0: 1})).partitions[0]
    rig.lands(part, 1)
    assert rig.table.read(0, b"ann") is None
    rig.apply(chunk)
    assert list(rig.popularity().values()) == [1]
    assert rig.erasures.applied(0, 2) == (True,), "as the first owner, which is this process, found it"


def test_what_came_before_an_erasure_counts_as_popular_and_what_comes_behind_begins_anew(
    make_table: Maker, model: FactorModel, metrics: WorkerMetrics
) -> None:
    rig = Rig(make_table(), model, metrics)
    first, again, later = play("ann", "v1", 3), play("ann", "v1", 3), play("ann", "v2", 1)
    prepared = rig.apply([record(0, first), erasure(1, "ann"), record(2, again), record(3, later)])
    assert prepared.rejected == []
    assert rig.state("ann").history == EMPTY_HISTORY.apply([again, later], 5)
    assert sum(rig.popularity().values()) == 3, "nobody remembers that the first one was applied"
    assert rig.erasures.applied(0, 1) == Applied(removed=True)
    prepared = rig.apply([erasure(4, "ann"), erasure(5, "ann"), erasure(6, "nobody")])
    assert prepared.partitions[0].rows == {b"ann": None, b"nobody": None}, "no late row comes back, whoever wrote it"
    assert rig.table.read(0, b"ann") is None
    assert [rig.erasures.applied(0, offset) for offset in (4, 5, 6, 7)] == [(True,), (False,), (False,), None]
    assert metrics.users.erasures._value.get() == 4
    assert metrics.users.erased._value.get() == 2


def test_a_row_that_cannot_be_read_is_removed_with_what_is_kept_of_it(
    make_table: Maker, model: FactorModel, metrics: WorkerMetrics
) -> None:
    rig = Rig(make_table(), model, metrics)
    rig.table.commit(0, {b"ann": APPLIED_OFFSET.pack(3) + b"rotten"}, 0)
    rig.apply([record(4, play("bob", "v1", 1)), erasure(5, "ann")])
    assert rig.erasures.applied(0, 5) == (True,)
    assert rig.table.read(0, b"ann") is None


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (None, "empty"),
        (b"", "invalid_key"),
        (POSITION_KEY, "invalid_key"),
        (b"\0popularity\0", "invalid_key"),
        (CHANGELOG_OFFSET_KEY, "invalid_key"),
        (b"\xff", "invalid_key"),
        (b"u" * 65, "invalid_key"),
        ("\x85".encode(), "invalid_key"),
    ],
)
def test_only_a_users_id_can_be_erased(
    make_table: Maker, model: FactorModel, metrics: WorkerMetrics, key: bytes | None, reason: str
) -> None:
    rig = Rig(make_table(), model, metrics)
    rig.apply([record(0, play("ann", "v1", 1))])
    prepared = rig.apply([raw(1, key, None)])
    assert [letter.rejected.reason for letter in prepared.rejected] == [reason]
    assert prepared.partitions[0].rows == {}
    assert len(rig.state("ann").history) == 1


def test_events_of_users_who_belong_elsewhere_are_noted_and_erasures_are_not(
    make_table: Maker, model: FactorModel, metrics: WorkerMetrics
) -> None:
    here, there = (next(user for user in USERS if partition_of(user.encode(), 2) == at) for at in (0, 1))
    rig = Rig(make_table(), model, metrics, partitions=2)
    rig.apply([record(0, play(here, "v1", 1)), erasure(1, there)])
    assert (rig.misplaced.events, rig.misplaced.users(0)) == (0, 0)
    rig.apply([record(2, play(there, "v1", 1)), record(3, play(there, "v2", 2)), erasure(4, there)])
    assert (rig.misplaced.events, rig.misplaced.users(0)) == (2, 1)
    assert metrics.events.misrouted._value.get() == 2


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
        raw(3, b"ann", b""),
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


ARRIVED_MS = int(NOW.timestamp() * 1000)


@pytest.mark.parametrize("hours", [-25, -1, 0, 1, 25, 24 * 365])
def test_what_is_dated_in_the_future_the_record_says_and_not_the_clock_of_the_worker(
    make_table: Maker, model: FactorModel, metrics: WorkerMetrics, hours: int
) -> None:
    times = [timedelta(0), timedelta(hours=24), timedelta(hours=24, milliseconds=1), timedelta(days=365)]
    happened = [
        Play(event_id=f"e{number}", user_id="ann", video_id=f"v{number}", ts=NOW + ahead, seconds_watched=1.0)
        for number, ahead in enumerate(times)
    ]
    records = [record(offset, event) for offset, event in enumerate(happened)]
    for one in records:
        one.timestamp = ARRIVED_MS
    rig = Rig(make_table(), model, metrics)
    rig.clock = (NOW + timedelta(hours=hours)).timestamp
    rig.restart()
    prepared = rig.apply(records)
    assert [(letter.record.offset, letter.rejected.reason) for letter in prepared.rejected] == [
        (2, "future_ts"),
        (3, "future_ts"),
    ]
    assert rig.state("ann").history == EMPTY_HISTORY.apply(happened[:2], 5)


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
