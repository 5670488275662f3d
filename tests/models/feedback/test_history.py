from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from models.feedback.events import Browse, Event, Play, Rate
from models.feedback.facts import Kind, event_tie
from models.feedback.history import EMPTY_HISTORY, History, HistoryInvalid, LatestRegion

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def event(number: int, action: str = "view", video: str = "v", *, ms: int | None = None, **fields: Any) -> Event:
    ts = EPOCH + timedelta(milliseconds=number if ms is None else ms)
    common: dict[str, Any] = {"event_id": f"e{number}", "user_id": "u", "video_id": video, "ts": ts}
    if action == "play":
        return Play(**common, **{"seconds_watched": 60.0, **fields})
    if action == "rate":
        return Rate(**common, **{"rating": 4.0, **fields})
    return Browse(**common, action=action, **fields)  # type: ignore[arg-type]


EVENTS = st.lists(
    st.builds(
        event,
        st.integers(0, 12),
        st.sampled_from(["play", "rate", "view", "list_add", "list_remove", "dismiss"]),
        st.sampled_from(["a", "b", "c"]),
        ms=st.integers(0, 3),  # ties in time, and one id on different events
        region=st.sampled_from([None, None, "us", "fr"]),
    ),
    max_size=12,
)


def reference(events: list[Event], limit: int) -> list[tuple[int, int, int, str, float]]:
    """Return the facts by the definition: the largest of each register, then the `limit` largest."""
    kinds = {"view": (3, 3), "list_add": (4, 4), "list_remove": (5, 4), "dismiss": (6, 6)}
    registers: dict[tuple[int, str], tuple[int, int, int, str, float]] = {}
    for one in events:
        match one:
            case Play():
                kind, register, value = 1, 1, one.seconds_watched
            case Rate():
                kind, register, value = 2, 2, one.rating
            case Browse():
                (kind, register), value = kinds[one.action], 0.0
        ms = round((one.ts - EPOCH).total_seconds() * 1000)
        fact = (ms, event_tie(one.event_id), kind, one.video_id, value)
        key = register, one.video_id
        registers[key] = max(registers.get(key, fact), fact)
    return sorted(registers.values())[-limit:]


def facts_of(history: History) -> list[tuple[int, int, int, str, float]]:
    return [
        (int(fact["ts"]), int(fact["tie"]), int(fact["kind"]), video, float(fact["value"]))
        for fact, video in zip(history.facts, history.videos, strict=True)
    ]


@given(EVENTS, st.integers(1, 6))
def test_a_history_is_what_its_definition_says(events: list[Event], limit: int) -> None:
    history = EMPTY_HISTORY.apply(events, limit)
    assert facts_of(history) == reference(events, limit)
    named = [(one.ts, event_tie(one.event_id), one.region) for one in events if one.region]
    assert (history.region and history.region.name) == (max(named)[2] if named else None)


@given(EVENTS, st.integers(1, 6), st.data())
def test_order_grouping_and_repeats_do_not_matter(events: list[Event], limit: int, data: st.DataObject) -> None:
    repeated = data.draw(st.lists(st.sampled_from(events), max_size=6)) if events else []
    shuffled = data.draw(st.permutations(events + repeated))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    history = EMPTY_HISTORY
    for start, stop in pairwise([0, *cuts, len(shuffled)]):
        history = history.apply(shuffled[start:stop], limit)
    assert history == EMPTY_HISTORY.apply(events, limit)
    assert History.of(history.facts, history.videos, history.region) == history


def test_all_orders_of_events_at_one_time_agree() -> None:
    events = [
        event(1, "rate", "a", ms=5, rating=2.0),
        event(1, "rate", "a", ms=5, rating=3.0),  # another event under the same id
        event(2, "list_add", "a", ms=5, region="us"),
        event(2, "list_remove", "a", ms=5, region="fr"),
        event(3, "play", "b", ms=5),
    ]
    for limit in (1, 2, 3, 4):
        histories = []
        for order in permutations(events):
            history = EMPTY_HISTORY
            for one in order:
                history = history.apply([one], limit)
            histories.append(history)
        assert all(history == histories[0] for history in histories)


def test_an_evicted_register_does_not_come_back_with_an_older_event() -> None:
    full = EMPTY_HISTORY.apply([event(5, "play", "old"), event(6, "play", "x"), event(7, "play", "y")], limit=2)
    assert full.videos == ("x", "y")
    assert full.apply([event(4, "play", "old")], limit=2) == full


def test_the_latest_of_a_register_wins_and_registers_are_apart() -> None:
    history = EMPTY_HISTORY.apply([event(1, "rate", rating=5.0), event(2, "play"), event(3, "rate", rating=1.0)], 10)
    assert [(fact["kind"], fact["value"]) for fact in history.facts] == [(Kind.PLAY, 60.0), (Kind.RATE, 1.0)]


def test_an_older_event_changes_nothing_however_it_comes() -> None:
    late, early, other = event(5, "rate", "a", rating=1.0), event(2, "rate", "a", rating=5.0), event(7, "play", "b")
    expected = [(Kind.RATE, 1.0), (Kind.PLAY, 60.0)]
    for apart in (
        [[late], [early], [other]],
        [[late], [other], [early]],
        [[late, other], [early]],
        [[late], [early, other]],
    ):
        history = EMPTY_HISTORY
        for some in apart:
            history = history.apply(some, 10)
        assert [(fact["kind"], fact["value"]) for fact in history.facts] == expected


def test_adding_to_the_list_and_removing_from_it_are_one_register() -> None:
    added = EMPTY_HISTORY.apply([event(2, "list_add")], 10)
    assert [fact["kind"] for fact in added.apply([event(3, "list_remove")], 10).facts] == [Kind.LIST_REMOVE]
    assert added.apply([event(1, "list_remove")], 10) == added


def test_values_are_seconds_clipped_and_ratings_rounded_to_float32() -> None:
    events = [event(1, "play", seconds_watched=1e300), event(2, "rate", rating=0.7), event(3, "view")]
    history = EMPTY_HISTORY.apply(events, 10)
    assert history.facts["value"].tolist() == [1e9, float(np.float32(0.7)), 0.0]
    assert history.apply(events, 10) == history


def test_a_history_takes_a_smaller_limit() -> None:
    history = EMPTY_HISTORY.apply([event(number, "play", f"v{number}") for number in range(5)], 5)
    assert history.apply([], 2).videos == ("v3", "v4")
    assert history.apply([event(9, "play", "v9")], 2).videos == ("v4", "v9")


def test_seen_are_played_rated_and_dismissed_videos() -> None:
    actions = ["play", "rate", "view", "list_add", "list_remove", "dismiss"]
    history = EMPTY_HISTORY.apply([event(n, action, action) for n, action in enumerate(actions)], 10)
    assert history.seen() == {"play", "rate", "dismiss"}
    assert EMPTY_HISTORY.seen() == frozenset()


@given(EVENTS, st.integers(1, 6), st.sampled_from(["a", "b", "never seen"]))
def test_without_a_video_a_history_keeps_the_rest(events: list[Event], limit: int, video: str) -> None:
    history = EMPTY_HISTORY.apply(events, limit)
    rest = history.without(video)
    assert facts_of(rest) == [fact for fact in facts_of(history) if fact[3] != video]
    assert rest.region == history.region
    assert History.of(rest.facts, rest.videos, rest.region) == rest


def test_without_its_only_video_a_history_is_empty() -> None:
    assert EMPTY_HISTORY.apply([event(1, "play"), event(2, "view")], 9).without("v") == EMPTY_HISTORY
    assert EMPTY_HISTORY.without("v") == EMPTY_HISTORY


def test_length_and_last_time() -> None:
    history = EMPTY_HISTORY.apply([event(1, video="b"), event(0, video="a", ms=-7)], 10)
    assert (len(history), history.last_ts) == (2, 1)
    assert (len(EMPTY_HISTORY), EMPTY_HISTORY.last_ts, EMPTY_HISTORY.region) == (0, None, None)


def test_the_region_survives_the_eviction_of_its_event() -> None:
    history = EMPTY_HISTORY.apply([event(1, video="a", region="us"), event(2, video="b")], 1)
    assert history.region == LatestRegion("us", 1, event_tie("e1"))
    assert history.videos == ("b",)


def test_histories_are_equal_by_content_and_immutable() -> None:
    one, other = (EMPTY_HISTORY.apply([event(1)], 3) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != EMPTY_HISTORY
    assert (one == "history") is False  # type: ignore[comparison-overlap]
    for history in (one, EMPTY_HISTORY):
        with pytest.raises(ValueError, match="read-only"):
            history.facts["ts"] = 0


def test_applying_leaves_the_old_history_alone() -> None:
    before = EMPTY_HISTORY.apply([event(1), event(2, "play")], 10)
    copy = facts_of(before)
    before.apply([event(3), event(4, "play", "w")], 2)
    assert facts_of(before) == copy


def test_the_tie_is_that_of_the_blake2b_test_vector() -> None:
    # `printf abc | b2sum -l 64`
    assert event_tie("abc").to_bytes(8, "little").hex() == "d8bb14d833d59559"


def valid() -> History:
    events = [event(1, "play", "a", region="us"), event(1, "view", "a"), event(2, "list_add", "b")]
    return EMPTY_HISTORY.apply(events, 10)


@pytest.mark.parametrize(
    ("field", "values", "words"),
    [
        ("ts", [3, 1, 2], "order"),
        ("ts", [2, 1, 1], "order"),
        ("kind", [3, 1, 4], "order"),
        ("kind", [1, 0, 4], "kind"),
        ("kind", [1, 7, 4], "kind"),
        ("kind", [1, 1, 4], "order"),
        ("value", [np.nan, 0, 0], "value"),
        ("value", [np.inf, 0, 0], "value"),
        ("value", [-1, 0, 0], "value"),
    ],
)
def test_facts_that_make_no_history_are_refused(field: str, values: list[float], words: str) -> None:
    history = valid()
    facts = history.facts.copy()
    facts[field] = values
    with pytest.raises(HistoryInvalid, match=words):
        History.of(facts, history.videos, history.region)


def test_other_parts_that_make_no_history_are_refused() -> None:
    history = valid()
    with pytest.raises(HistoryInvalid, match="2 videos"):
        History.of(history.facts, history.videos[:2], None)
    with pytest.raises(HistoryInvalid, match="int64"):
        History.of(np.zeros(1, np.int64), ("a",), None)
    facts = history.facts[1:].copy()
    facts["kind"] = [Kind.LIST_ADD, Kind.LIST_REMOVE]
    with pytest.raises(HistoryInvalid, match="same action"):
        History.of(facts, ("a", "a"), None)
    assert History.of(EMPTY_HISTORY.facts, (), None) == EMPTY_HISTORY


def test_a_region_is_compared_by_time_then_tie_then_name() -> None:
    region = LatestRegion("us", 5, event_tie("e5"))
    start = replace(EMPTY_HISTORY, region=region)
    assert start.apply([event(4, region="fr")], 9).region == region
    assert start.apply([event(5, region="aa")], 9).region == region
    assert start.apply([event(5, region="zz")], 9).region == replace(region, name="zz")
    assert start.apply([event(6, region="fr")], 9).region == LatestRegion("fr", 6, event_tie("e6"))
