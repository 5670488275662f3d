from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation.prequential import PopularScores, PrequentialRanks, evaluate_prequentially
from models.factorization.factor_model import FactorModel
from models.factorization.model_description import ModelDescription
from models.feedback.events import Browse, Event, Play, Rate
from models.feedback.history import EMPTY_HISTORY, History
from models.feedback.popularity import PopularityCounts

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = (START - datetime(1970, 1, 1, tzinfo=UTC)).days

# Two tastes at right angles: who likes one video has score 0 for all of the other taste.
MODEL = FactorModel.build(
    region="global",
    version="v",
    video_ids=["a", "b", "c", "d"],
    factors=np.array([[1.0, 0.0], [0.9, 0.0], [0.0, 1.0], [0.0, 0.9]], np.float32),
    popularity=np.zeros(4, np.float32),
    description=ModelDescription(),
)


def rate(user: str, video: str, rating: float = 5.0, day: float = 0.0) -> Rate:
    ts = START + timedelta(days=day)
    return Rate(event_id=f"{user}{video}{day}", user_id=user, video_id=video, rating=rating, ts=ts)


def ranks(training: Sequence[Rate], replayed: Sequence[Event], limit: int = 100) -> dict[str, tuple[int, ...]]:
    histories: dict[str, History] = {}
    counts = PopularityCounts()
    for event in training:
        histories[event.user_id] = histories.get(event.user_id, EMPTY_HISTORY).apply([event], limit)
        counts.add("global", int((event.ts - START) / timedelta(days=1)) + DAY, event.video_id)
    return dict(evaluate_prequentially(MODEL, histories, counts, replayed, limit).ranks)


def test_the_taste_at_the_cut_helps_both_and_ties_help_nobody() -> None:
    # candidates b, c, d: b has the only score above 0; nothing but a was ever liked, so by popularity all three tie
    assert ranks([rate("u", "a")], [rate("u", "b", day=1)]) == {
        "popular": (2,),
        "popular_10_days": (2,),
        "frozen": (0,),
        "nearline": (0,),
    }


def test_only_nearline_knows_what_was_liked_after_the_cut() -> None:
    found = ranks([rate("u", "a")], [rate("u", "c", day=1), rate("u", "d", day=2)])
    # first: b 0.9, c 0, d 0 -> rank 2; second, candidates b and d: frozen still says b, d; nearline 0.9 and 0.9: a tie
    assert found["frozen"] == (2, 1)
    assert found["nearline"] == (2, 1)
    found = ranks([rate("u", "a"), rate("u", "b")], [rate("u", "c", day=1), rate("u", "d", day=2)])
    assert found["frozen"] == (1, 0)  # c and d tie; then d is alone
    found = ranks([rate("w", "a"), rate("w", "b")], [rate("u", "c", day=1), rate("u", "d", day=2)])
    # u is new: popular, where a and b have 1 and c and d 0; then a, b, c have 1 and d 0, but nearline knows c
    assert found["frozen"] == found["popular"] == (3, 2)
    assert found["nearline"] == (3, 0)


def test_ten_days_forget_and_all_time_does_not() -> None:
    training = [rate("p", "c", day=0), rate("q", "c", day=0), rate("r", "b", day=12)]
    found = ranks(training, [rate("u", "b", day=13)])
    assert (found["popular"], found["popular_10_days"]) == ((1,), (0,))
    # the day of b is the first that no longer counts: equal counts are ordered by all time, where c leads
    found = ranks(training, [rate("u", "b", day=22)])
    assert (found["popular"], found["popular_10_days"]) == ((1,), (1,))


def test_what_is_asked() -> None:
    ts = START + timedelta(days=1)
    replayed: list[Event] = [
        rate("u", "b", rating=3.5, day=1),  # no like
        rate("u", "b", rating=5.0, day=2),  # seen
        rate("u", "z", day=3),  # unknown to the model
        Play(event_id="1", user_id="u", video_id="c", ts=ts, seconds_watched=9.0),  # no rating
        Browse(event_id="2", user_id="u", video_id="d", ts=ts, action="view"),  # looked at, not seen
        rate("u", "d", rating=4.0, day=4),  # the one question
    ]
    found = ranks([rate("u", "a")], replayed)
    assert [len(answers) for answers in found.values()] == [1, 1, 1, 1]
    assert found["nearline"] == (0,)  # a, b and c are seen: d is the only candidate


def test_events_raise_popularity_in_between() -> None:
    replayed: list[Event] = [
        Play(event_id="1", user_id="p", video_id="d", ts=START, seconds_watched=9.0),
        rate("q", "c", rating=3.0),  # no like, no count
        rate("u", "d"),
    ]
    found = ranks([], replayed)
    assert found["popular"] == found["popular_10_days"] == (0,)


def test_the_callers_histories_stay_and_the_counts_grow() -> None:
    histories, counts = {"u": EMPTY_HISTORY}, PopularityCounts()
    told: list[int] = []
    evaluate_prequentially(MODEL, histories, counts, [rate("u", "a"), rate("w", "a")], 10, told.append)
    assert histories == {"u": EMPTY_HISTORY}
    assert counts.top(None, None, 5, DAY) == [("a", 2)]
    assert told == [1, 2]


def test_means_over_the_questions() -> None:
    answers = PrequentialRanks({"popular": (20, 20, 20), "nearline": (0, 19, 20)})
    assert answers.questions == 3
    assert answers.recall(20) == {"popular": 0.0, "nearline": pytest.approx(2 / 3)}
    assert answers.ndcg(20) == {"popular": 0.0, "nearline": pytest.approx((1 + 1 / log2(21)) / 3)}


def test_without_questions_the_means_are_nan() -> None:
    answers = PrequentialRanks({"nearline": ()})
    assert np.isnan(answers.recall(20)["nearline"])


@given(
    before=st.lists(st.tuples(st.integers(0, 15), st.sampled_from("abcz"))),
    after=st.lists(st.tuples(st.integers(15, 40), st.sampled_from("abcz"), st.booleans())),
    days=st.sampled_from([None, 1, 10]),
)
def test_popular_scores_are_the_counts(
    before: list[tuple[int, str]], after: list[tuple[int, str, bool]], days: int | None
) -> None:
    counts = PopularityCounts()
    for day, video in before:
        counts.add("global", day, video)
    scores = PopularScores(counts, MODEL.index, days)
    for day, video, looked in sorted(after, key=lambda entry: entry[0]):
        if looked:
            expected = [counts.count(known, None, days, day) for known in MODEL.video_ids]
            assert scores.at(day).tolist() == expected
        counts.add("fr", day, video)
        scores.added(video, day)
