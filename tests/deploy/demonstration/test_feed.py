from datetime import UTC, datetime

import pytest

from app.offline.data.events_file import key_of
from deploy.data import NAMES, CatalogueEntry, Dataset, Rating, load_ratings
from deploy.demonstration.feed import HELD_BACK, Feed, event_of, lines_of, no_events
from models.feedback.events import Rate, Rejected, decode_event, encode_event

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def dataset(n: int) -> Dataset:
    ratings = tuple(Rating(1_000 + at, f"u{at % 7}", f"v{at}", 4.0) for at in range(n))
    return Dataset("movielens", ratings, tuple(CatalogueEntry(f"v{at}", f"Film {at}", None, ()) for at in range(n)))


def test_a_rating_becomes_an_event_of_the_contract() -> None:
    event = event_of(Rating(1_363_245_118, "u7", "v22", 4.5), "movielens")
    assert event == Rate(
        event_id="movielens-u7-v22-1363245118",
        user_id="u7",
        video_id="v22",
        ts=datetime(2013, 3, 14, 7, 11, 58, tzinfo=UTC),
        rating=4.5,
    )
    assert decode_event(encode_event(event), b"u7", NOW.timestamp()) == event


@pytest.mark.parametrize("name", NAMES)
def test_no_two_real_events_have_one_id(name: str) -> None:
    ids = {event_of(rating, name).event_id for rating in load_ratings(name).ratings}
    assert len(ids) == len(load_ratings(name).ratings)
    assert max(map(len, ids)) <= 64


def test_the_feed_is_cut_at_80_percent_and_holds_back_the_last_event_of_each_later_user() -> None:
    feed = Feed.of(dataset(100))
    assert [event.video_id for event in feed.past] == [f"v{at}" for at in range(80)]
    assert [event.video_id for event in feed.held] == [f"v{at}" for at in range(93, 100)]
    assert [event.video_id for event in feed.replayed] == [f"v{at}" for at in range(80, 93)]
    assert (feed.users, feed.videos) == (7, 100)


def test_no_more_than_a_hundred_are_held_back_the_latest() -> None:
    ratings = tuple(Rating(at, f"u{at}", "v1", 3.0) for at in range(2_000))
    feed = Feed.of(Dataset("movielens", ratings, ()))
    assert [event.user_id for event in feed.held] == [f"u{at}" for at in range(2_000 - HELD_BACK, 2_000)]


def test_what_is_no_event_is_refused_each_for_its_reason() -> None:
    reasons = []
    for record in no_events(NOW):
        with pytest.raises(Rejected) as refused:
            decode_event(record, key_of(record), NOW.timestamp())
        reasons.append(refused.value.reason)
    assert reasons == ["invalid_json", "invalid_event", "invalid_event", "future_ts", "too_large", "invalid_utf8"]


def test_other_records_lie_between_the_events_and_all_are_sent() -> None:
    events = [event_of(rating, "movielens") for rating in dataset(9).ratings]
    lines = list(lines_of(events, [b"x", b"y"]))
    assert [at for at, line in enumerate(lines) if line in {b"x", b"y"}] == [3, 7]
    assert [line for line in lines if line not in {b"x", b"y"}] == [encode_event(event) for event in events]
