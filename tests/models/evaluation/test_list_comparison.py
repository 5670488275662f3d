from fractions import Fraction
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation.list_comparison import (
    Comparison,
    Pair,
    UserList,
    compare,
    compare_lists,
    lists_of,
    most_popular,
    overlap_at,
    rank_biased_overlap,
)
from models.feedback.history import EMPTY_HISTORY
from models.inference.recommend import recommend
from tests.support.factor_models import model, random_model
from tests.support.histories import history_of, users

ranked = st.lists(st.integers(0, 30).map(str), max_size=15, unique=True)
persistences = st.floats(0.05, 0.95)


@pytest.mark.parametrize(
    ("first", "second", "k", "expected"),
    [
        ("", "", 5, 1.0),
        ("", "ab", 5, 0.0),
        ("abcd", "dcba", 4, 1.0),
        ("abcd", "dcba", 2, 0.0),
        ("abcd", "abxy", 4, 0.5),
        ("ab", "abcd", 4, 0.5),
        ("ab", "abc", 10, 2 / 3),
        ("ab", "abc", 2, 1.0),
    ],
)
def test_overlap_by_hand(first: str, second: str, k: int, expected: float) -> None:
    assert overlap_at(first, second, k) == expected


@given(ranked, ranked, st.integers(1, 20))
def test_overlap_is_symmetric_bounded_and_1_for_the_same(first: list[str], second: list[str], k: int) -> None:
    overlap = overlap_at(first, second, k)
    assert 0 <= overlap <= 1
    assert overlap == overlap_at(second, first, k)
    assert overlap_at(first, first[::-1], max(1, len(first))) == 1


def test_overlap_needs_a_place() -> None:
    with pytest.raises(ValueError, match="found 0"):
        overlap_at("a", "a", 0)


def by_definition(first: list[str], second: list[str], p: Fraction, depth: int = 400) -> float:
    """Sum the agreement over many depths, with what eq. 32 assumes about the unseen: it goes on as it was."""
    shorter, longer = sorted((first, second), key=len)
    seen = len(set(shorter) & set(longer[: len(shorter)]))
    total = Fraction(0)
    agreement = Fraction(0)
    for d in range(1, depth + 1):
        if d <= len(longer):
            unseen = max(0, d - len(shorter))
            common = len(set(shorter[:d]) & set(longer[:d])) + Fraction(seen * unseen, len(shorter))
            agreement = Fraction(common, d)
        total += (1 - p) * p ** (d - 1) * agreement
    return float(total)


@given(ranked.filter(bool), ranked.filter(bool), st.sampled_from([Fraction(1, 2), Fraction(4, 5)]))
def test_rank_biased_overlap_is_the_infinite_sum(first: list[str], second: list[str], p: Fraction) -> None:
    assert rank_biased_overlap(first, second, float(p)) == pytest.approx(by_definition(first, second, p), abs=1e-9)


@pytest.mark.parametrize(
    ("first", "second", "p", "expected"),
    [
        ("", "", 0.9, 1.0),
        ("", "a", 0.9, 0.0),
        ("ab", "ba", 0.5, 0.5),  # 1/2 (0) + 1/2 (1): the second place agrees, and so would all below
        ("ab", "ac", 0.5, 0.75),  # 1/2 (1) + 1/2 (1/2)
        ("a", "ba", 0.5, 0.25),  # X = 0, 1: 1/2 (0) + 1/2 (1/2)
        ("a", "ab", 0.5, 1.0),  # the first video agrees, and what is not known would go on so
        # the agreements are 0, 0, 2/3, 2/4, 2/5, 2/6 and 2/7, which goes on
        ("abcdefg", "zcavwxy", 0.5, 2 / 24 + 2 / 64 + 2 / 160 + 2 / 384 + 2 / 448),
    ],
)
def test_rank_biased_overlap_by_hand(first: str, second: str, p: float, expected: float) -> None:
    assert rank_biased_overlap(first, second, p) == pytest.approx(expected, abs=1e-12)


@given(ranked, ranked, persistences)
def test_rank_biased_overlap_is_symmetric_and_bounded(first: list[str], second: list[str], p: float) -> None:
    value = rank_biased_overlap(first, second, p)
    assert 0 <= value <= 1
    assert value == rank_biased_overlap(second, first, p)
    assert rank_biased_overlap(first, first, p) == 1.0
    assert rank_biased_overlap(first, [f"other {one}" for one in second], p) == float(not first and not second)


@given(ranked.filter(lambda some: len(some) > 1), persistences, st.data())
def test_a_change_further_down_matters_less(videos: list[str], p: float, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(videos) - 1), min_size=2, max_size=2, unique=True).map(sorted))
    above, below = ([*videos[:place], "new", *videos[place + 1 :]] for place in places)
    assert rank_biased_overlap(videos, above, p) <= rank_biased_overlap(videos, below, p)


@pytest.mark.parametrize("p", [0.0, 1.0, -1.0])
def test_a_persistence_out_of_range_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        rank_biased_overlap("a", "a", p)


def test_lists_are_those_of_production() -> None:
    one, histories = random_model(1), users(1, 9)
    for found, top in zip(lists_of(one, histories, 7), recommend(one, histories, 7), strict=True):
        assert found.videos == tuple(f"v{row}" for row in top.rows)
        assert np.array_equal(found.scores, top.scores)


def test_the_same_version_twice_changes_nothing() -> None:
    found = compare(random_model(1), random_model(1), users(1, 20), 10)
    assert (found.overlap, found.rank_biased_overlap, found.score_drift, found.users) == (1.0, 1.0, 0.0, 20)
    for pair in (found.coverage, found.popularity_share, found.nothing_to_show, found.held_out_rank):
        assert pair is not None
        assert pair.active == pair.candidate


@given(st.integers(0, 9), st.integers(0, 9), st.randoms(use_true_random=False))
def test_the_order_of_the_users_does_not_matter(first: int, second: int, random: Any) -> None:
    histories = users(first + 10 * second, 12)
    found = compare(random_model(first), random_model(second), histories, 5)
    random.shuffle(histories)
    assert compare(random_model(first), random_model(second), histories, 5) == found


@given(st.integers(0, 9), st.integers(0, 9))
def test_exchanged_versions_exchange_the_pairs(first: int, second: int) -> None:
    one, other, histories = random_model(first), random_model(second), users(first, 12)
    there, back = compare(one, other, histories, 5), compare(other, one, histories, 5)
    assert (there.overlap, there.rank_biased_overlap) == (back.overlap, back.rank_biased_overlap)
    assert there.coverage == back.coverage[::-1]
    assert there.nothing_to_show == back.nothing_to_show[::-1]
    assert there.held_out_rank is not None
    assert back.held_out_rank is not None
    assert there.held_out_rank == back.held_out_rank[::-1]
    for value in (*there.coverage, *there.popularity_share, *there.nothing_to_show, *there.held_out_rank):
        assert 0 <= value <= 1


def listed(*lists: tuple[list[int], list[float]]) -> list[UserList]:
    return [UserList(tuple(f"v{row}" for row in rows), np.array(scores, np.float32)) for rows, scores in lists]


def test_every_figure_by_hand() -> None:
    popular = model(np.eye(30), np.arange(30, 0, -1))  # the 20 of the lowest rows are the most popular ones
    active = listed(([1, 9], [3, 1]), ([], []), ([25, 9], [2, 2]))
    candidate = listed(([9, 1], [3, 3]), ([2], [1]), ([], []))
    found = compare_lists(popular, popular, [EMPTY_HISTORY] * 3, active, candidate, 2)
    assert msgspec.structs.asdict(found) == {
        "users": 3,
        "overlap": (1 + 0 + 0) / 3,
        "rank_biased_overlap": pytest.approx(0.9 / 3),  # exchanged: only the first place, 1 - p, disagrees
        "score_drift": pytest.approx((7 / 3 - 2) / 2),
        "coverage": Pair(3 / 6, 3 / 6),
        "popularity_share": Pair(3 / 4, 1.0),
        "nothing_to_show": Pair(1 / 3, 1 / 3),
        "held_out_rank": None,
    }


def test_a_negative_mean_score_drifts_by_its_size() -> None:
    one = model(np.eye(3))
    down = compare_lists(one, one, [EMPTY_HISTORY], listed(([0], [-2])), listed(([0], [-3])), 1)
    assert down.score_drift == -0.5


@pytest.mark.parametrize(("scores", "drift"), [([], 0.0), ([0.0], 0.0), ([0.25], 1.0), ([-4.0], -1.0)])
def test_the_drift_from_nothing_is_finite(scores: list[float], drift: float) -> None:
    one = model(np.eye(3))
    candidate = listed(([0] * len(scores), scores))
    assert compare_lists(one, one, [EMPTY_HISTORY], listed(([], [])), candidate, 1).score_drift == drift


def test_without_users_nothing_differs() -> None:
    one = random_model(1)
    nothing = Pair(0.0, 0.0)
    assert compare(one, random_model(2), []) == Comparison(
        users=0,
        overlap=1.0,
        rank_biased_overlap=1.0,
        score_drift=0.0,
        coverage=nothing,
        popularity_share=nothing,
        nothing_to_show=nothing,
        held_out_rank=None,
    )


def test_coverage_is_of_what_there_could_be() -> None:
    few = model(np.eye(4) + 0.1)
    histories = [history_of(("rate", f"v{row}", 5)) for row in range(4)] * 5
    assert compare(few, few, histories, 3).coverage == (1.0, 1.0)  # of 4 videos, though there are 60 places
    assert compare(few, few, histories[:1], 3).coverage == (1.0, 1.0)  # 3 places
    assert compare(few, few, histories[:1] * 2, 3).coverage == (0.75, 0.75)


@pytest.mark.parametrize(("n_videos", "count"), [(50, 20), (2_000, 20), (5_000, 50)])
def test_the_most_popular_are_20_or_one_in_a_hundred(n_videos: int, count: int) -> None:
    popularity = np.ones(n_videos)
    popularity[-1] = 2
    found = most_popular(model(np.ones((n_videos, 1)), popularity))
    assert found == {f"v{n_videos - 1}", *(f"v{row}" for row in range(count - 1))}


def test_of_few_videos_all_are_popular() -> None:
    assert len(most_popular(model(np.eye(10)))) == 10


def test_a_comparison_is_json() -> None:
    found = compare(random_model(1), random_model(2), users(1, 20))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Comparison) == found


def test_a_list_that_only_changes_its_end_is_more_alike() -> None:
    lists = ["abcdefgh", "abcdefgx", "abcdefyx", "abcdezyx", "zbcdezyx"]
    values = [rank_biased_overlap(lists[0], other) for other in lists]
    assert all(more > less for more, less in pairwise(values))
