"""Popularity: every event counts once, in whatever order, over crashes; every worker comes to the same sum."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zlib import crc32

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from agents.kafka.producer import Outgoing
from agents.popularity.metrics import PopularityMetrics
from agents.popularity.own_popularity import POPULARITY_PREFIX, OwnPopularity
from agents.popularity.popularity import GlobalPopularity, Share, ShareCounts
from models.feedback.events import Event, Play, Rate

DAY_0 = datetime(2026, 1, 1, tzinfo=UTC)


def play(video: str, day: int = 0, region: str | None = None) -> Play:
    """A play on the n-th day."""
    ts = DAY_0 + timedelta(days=day)
    return Play(event_id="e", user_id="u", video_id=video, ts=ts, region=region, seconds_watched=60.0)


def rate(video: str, rating: float) -> Rate:
    """A rating on the first day."""
    return Rate(event_id="e", user_id="u", video_id=video, ts=DAY_0, rating=rating)


def holding(partition: int = 0, window_days: int = 30) -> OwnPopularity:
    """Counts of a partition that was just taken over, empty."""
    own = OwnPopularity(window_days, PopularityMetrics(CollectorRegistry()))
    own.begin(partition)
    return own


def counted(own: OwnPopularity, events: list[tuple[int, Event]], partition: int = 0) -> dict[bytes, bytes | None]:
    """Add events and return the rows to write."""
    for offset, event in events:
        own.add(partition, event, offset)
    return own.take_rows(partition)


def record(outgoing: Outgoing) -> Any:
    """What a reader of the popularity topic gets."""
    return SimpleNamespace(key=outgoing.key, value=outgoing.value)


async def totals(*sources: OwnPopularity) -> GlobalPopularity:
    """Publish everything and read it back."""
    everywhere = GlobalPopularity()
    for own in sources:
        for outgoing in own.records(own.take_unpublished(), "popularity"):
            await everywhere.apply(record(outgoing))
    return everywhere


async def test_plays_and_likes_count_and_nothing_else() -> None:
    own = holding()
    counted(own, [(0, play("v1")), (1, rate("v1", 4.0)), (2, rate("v1", 3.5)), (3, rate("v2", 5.0))])
    assert (await totals(own)).top(None, None, 10) == [("v1", 2), ("v2", 1)]


@given(st.permutations(range(8)))
def test_the_order_within_a_chunk_does_not_matter(order: list[int]) -> None:
    events: list[tuple[int, Event]] = [(offset, play(f"v{offset % 3}")) for offset in range(8)]
    assert counted(holding(), [events[at] for at in order]) == counted(holding(), events)


@given(st.lists(st.tuples(st.sampled_from(["v1", "v2"]), st.integers(0, 3)), max_size=12), st.integers(0, 12))
def test_a_crash_between_chunks_neither_loses_nor_doubles(seen: list[tuple[str, int]], border: int) -> None:
    events: list[tuple[int, Event]] = [(at, play(video, day)) for at, (video, day) in enumerate(seen)]
    undisturbed = holding()
    expected = counted(undisturbed, events)
    stored = counted(holding(), events[:border])
    restarted = holding()
    restarted.load(0, sorted((key, row) for key, row in stored.items() if row is not None))
    stored |= counted(restarted, events)  # the replay hands everything over again
    assert stored == expected


async def test_partitions_and_regions_add_up() -> None:
    one, other = holding(0), holding(1)
    counted(one, [(0, play("v1", region="us")), (1, play("v2", region="de"))])
    counted(other, [(0, play("v1", region="de"))], partition=1)
    everywhere = await totals(one, other)
    assert everywhere.top(None, None, 10) == [("v1", 2), ("v2", 1)]
    assert everywhere.top("de", None, 10) == [("v1", 1), ("v2", 1)]


async def test_days_are_counted_back_from_the_newest_event() -> None:
    own = holding()
    counted(own, [(0, play("old", 0)), (1, play("new", 9)), (2, play("newest", 10))])
    everywhere = await totals(own)
    assert everywhere.top(None, 10, 10) == [("new", 1), ("newest", 1)]
    assert everywhere.top(None, 11, 10) == [("new", 1), ("newest", 1), ("old", 1)]


async def test_a_day_out_of_the_window_is_removed_everywhere() -> None:
    own = holding(window_days=2)
    first = counted(own, [(0, play("old", 0))])
    everywhere = await totals(own)
    later = counted(own, [(1, play("new", 2)), (2, play("late", 0))])
    (old_key,) = first
    assert later[old_key] is None
    assert not any(b"late" in key for key in later)
    for outgoing in own.records(own.take_unpublished(), "popularity"):
        await everywhere.apply(record(outgoing))
    assert everywhere.top("global", None, 10) == [("new", 1)]


def test_a_day_that_nobody_was_told_of_goes_without_a_word() -> None:
    own = holding(window_days=2)
    counted(own, [(0, play("old", 0)), (1, play("new", 2))])
    assert [outgoing.value is None for outgoing in own.records(own.take_unpublished(), "popularity")] == [False]


async def test_what_is_taken_over_is_published_again() -> None:
    rows = counted(holding(), [(0, play("v1"))])
    successor = holding()
    successor.load(0, [(key, row) for key, row in rows.items() if row])
    assert (await totals(successor)).top(None, None, 10) == [("v1", 1)]


async def test_a_late_record_of_a_previous_owner_does_not_win() -> None:
    everywhere = GlobalPopularity()
    key = Share(0, "us", 5, 3).encode()
    for applied_offset, count in ((9, 7), (4, 2)):
        value = msgspec.json.encode(ShareCounts(applied_offset, {"v1": count}))
        await everywhere.apply(SimpleNamespace(key=key, value=value))
    assert everywhere.top("us", None, 10) == [("v1", 7)]


async def test_a_bad_record_is_counted_and_changes_nothing() -> None:
    everywhere = GlobalPopularity()
    for key, value in ((None, b"{}"), (b"x", b"{}"), (b"0/us/5/3", b"{"), (b"0/us/5/3", b'{"applied offset":1}')):
        await everywhere.apply(SimpleNamespace(key=key, value=value))
    assert everywhere.rejected == 4
    assert everywhere.top(None, None, 10) == []


async def test_a_day_takes_so_many_videos_and_no_more() -> None:
    own = holding()
    videos = (f"{number:064}" for number in range(70_000))
    in_one_bucket = [video for video in videos if crc32(video.encode()) % 16 == 3]
    assert len(in_one_bucket) > 3_500
    counted(own, [(at, play(video)) for at, video in enumerate(in_one_bucket)])
    (record_of_all,) = own.records(own.take_unpublished(), "popularity")
    assert len(msgspec.json.decode(record_of_all.value or b"", type=ShareCounts).counts) == 3_500
    assert 3_500 * (4 * 64 + len('"":1000000,')) < 1 << 20  # ids of the longest kind


async def test_a_round_names_every_share_that_changed() -> None:
    own = holding()
    counted(own, [(number, play(f"v{number}", number % 5)) for number in range(2_000)])
    assert len(own.take_unpublished()) == 5 * 16
    assert own.take_unpublished() == []


async def test_what_was_given_away_is_not_published() -> None:
    own = holding()
    counted(own, [(0, play("v1"))])
    due = own.take_unpublished()
    own.clear()
    assert own.records(due, "popularity") == []


def test_rows_stand_under_the_reserved_prefix_in_order_of_days() -> None:
    rows = counted(holding(window_days=10), [(0, play("v", -3)), (1, play("v", 2))])
    assert all(key.startswith(POPULARITY_PREFIX) for key in rows)
    assert list(rows) == sorted(rows)
