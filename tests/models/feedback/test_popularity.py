from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.feedback.events import Browse, Play, Rate
from models.feedback.popularity import PopularityCounts, counts_as_popular, event_day, event_region

NOON = datetime(1970, 1, 11, 12, tzinfo=UTC)  # day 10
ADDITIONS = st.lists(st.tuples(st.sampled_from(["us", "fr", "global"]), st.integers(-3, 12), st.sampled_from("abcde")))


def play(ts: datetime = NOON, region: str | None = None) -> Play:
    return Play(event_id="e", user_id="u", video_id="v", ts=ts, region=region, seconds_watched=1.0)


def counted(additions: list[tuple[str, int, str]]) -> PopularityCounts:
    counts = PopularityCounts()
    for region, day, video in additions:
        counts.add(region, day, video)
    return counts


def test_plays_and_likes_count() -> None:
    common = {"event_id": "e", "user_id": "u", "video_id": "v", "ts": NOON}
    assert counts_as_popular(play())
    assert counts_as_popular(Rate(**common, rating=4.0))  # type: ignore[arg-type]
    assert not counts_as_popular(Rate(**common, rating=3.5))  # type: ignore[arg-type]
    assert not counts_as_popular(Browse(**common, action="list_add"))  # type: ignore[arg-type]


def test_the_day_is_counted_in_utc_and_rounded_down() -> None:
    assert event_day(play()) == 10
    assert event_day(play(datetime.fromisoformat("1970-01-02T00:30:00+02:00"))) == 0
    assert event_day(play(datetime(1969, 12, 31, 23, 59, tzinfo=UTC))) == -1
    assert event_day(play(NOON + timedelta(hours=12))) == 11


def test_an_event_without_region_counts_under_global() -> None:
    assert event_region(play()) == "global"
    assert event_region(play(region="us")) == "us"


@given(ADDITIONS, st.sampled_from([None, "global", "us", "fr", "de"]), st.none() | st.integers(0, 9))
def test_top_and_count_equal_a_plain_count(
    additions: list[tuple[str, int, str]], region: str | None, days: int | None
) -> None:
    expected = Counter(
        video
        for named, day, video in additions
        if (region in {None, "global"} or named == region) and (days is None or day > 8 - days)
    )
    ordered = sorted(expected.items(), key=lambda item: (-item[1], item[0]))
    counts = counted(additions)
    assert counts.top(region, days, limit=3, today=8) == ordered[:3]
    assert counts.top(region, days, limit=99, today=8) == ordered
    assert all(counts.count(video, region, days, today=8) == expected[video] for video in "abcde")


@given(ADDITIONS)
def test_taking_back_what_was_added_leaves_nothing(additions: list[tuple[str, int, str]]) -> None:
    counts = counted(additions)
    for region, day, video in additions:
        counts.add(region, day, video, -1)
    assert counts.latest_day is None
    assert counts.top(None, None, limit=9, today=0) == []


def test_a_count_cannot_become_negative() -> None:
    counts = counted([("us", 1, "a")])
    with pytest.raises(ValueError, match="cannot take 2 from the 1 of 'a'"):
        counts.add("us", 1, "a", -2)
    assert counts.count("a", "us", None, today=1) == 1


def test_adding_nothing_changes_nothing() -> None:
    counts = PopularityCounts()
    counts.add("us", 1, "a", 0)
    assert counts.latest_day is None


def test_replace_changes_only_what_its_source_had_added() -> None:
    counts = counted([("us", 5, "a"), ("us", 5, "b")])
    counts.replace("us", 5, {"a": 3, "c": 1}, previous={})
    counts.replace("us", 5, {"a": 1, "d": 2}, previous={"a": 3, "c": 1})
    assert counts.top("us", None, limit=9, today=5) == [("a", 2), ("d", 2), ("b", 1)]
