from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation.held_out import HeldOut, hold_out, percentile_ranks
from models.evaluation.ranking_metrics import pessimistic_ranks
from models.feedback.history import EMPTY_HISTORY, History
from models.inference.recommend import solve_histories
from models.numerics.scoring import score_pairs
from tests.support.factor_models import line, model, random_model
from tests.support.histories import history_of, liked, users

SQUARE = model(np.eye(4) + 0.1, ids=["a", "b", "c", "d"])
FEWER = model(np.eye(3) + 0.1, ids=["a", "b", "e"])


@pytest.mark.parametrize(
    ("history", "video"),
    [
        (EMPTY_HISTORY, None),
        (liked("a"), None),
        (liked("a", "b"), "b"),
        (liked("b", "a"), "a"),
        (history_of(("rate", "a", 5), ("rate", "b", 5), ("view", "a", 0)), "a"),  # the latest fact is about a
        (history_of(("rate", "a", 5), ("rate", "b", 5), ("rate", "c", 1)), "b"),  # c speaks against nobody
        (liked("a", "b", "c"), "b"),  # the other model does not know c
        (liked("c", "a", "d"), None),  # which leaves it nothing to solve from
        (liked("unknown", "a"), None),
    ],
)
def test_the_latest_video_that_speaks_in_both_is_taken(history: History, video: str | None) -> None:
    expected = HeldOut((), (), ()) if video is None else HeldOut((1,), (video,), (history.without(video),))
    assert hold_out(SQUARE, FEWER, [EMPTY_HISTORY, history]) == expected
    assert hold_out(FEWER, SQUARE, [EMPTY_HISTORY, history]) == expected


@pytest.mark.parametrize(("video", "expected"), [("v0", 0.0), ("v5", 4 / 9), ("v10", 1.0)])
def test_a_percentile_rank_by_hand(video: str, expected: float) -> None:
    # 11 videos, v4 is seen: 10 candidates, and v5 has 4 of 9 others above it
    held_out = hold_out(line(11), line(11), [liked("v4", video)])
    assert percentile_ranks(line(11), held_out) == [expected]


def test_a_tie_counts_against_the_video() -> None:
    equal = model(np.ones((5, 2)))
    assert percentile_ranks(equal, hold_out(equal, equal, [liked("v4", "v0")])) == [1.0]


def test_the_only_candidate_is_first() -> None:
    two = line(2)
    assert percentile_ranks(two, hold_out(two, two, [liked("v0", "v1")])) == [0.0]


@given(st.integers(0, 50))
def test_the_ranks_are_those_of_the_ranking_metrics(seed: int) -> None:
    one, other, histories = random_model(seed), random_model(seed + 1), users(seed, 15)
    held_out = hold_out(one, other, histories)
    for user_factors, video, rest, found in zip(
        solve_histories(one, held_out.histories),
        held_out.videos,
        held_out.histories,
        percentile_ranks(one, held_out),
        strict=True,
    ):
        seen = [one.index[gone] for gone in rest.seen()]
        (rank,) = pessimistic_ranks(score_pairs(user_factors, one.factors), [one.index[video]], seen)
        assert found == rank / (one.n_videos - len(seen) - 1)


def test_users_keep_their_positions() -> None:
    histories = [liked("a"), liked("a", "b"), EMPTY_HISTORY, liked("d", "c")]
    held_out = hold_out(SQUARE, SQUARE, histories)
    assert held_out.users == (1, 3)
    assert all(before < after for before, after in pairwise(held_out.users))
    assert [len(rest) for rest in held_out.histories] == [1, 1]
