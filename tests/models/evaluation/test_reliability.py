from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation.held_out import hold_out
from models.evaluation.reliability import Reliability, reliability, reliability_of
from models.inference.recommend import recommend
from tests.support.factor_models import line, random_model
from tests.support.histories import liked, users

predictions = st.lists(st.tuples(st.integers(-5, 5).map(float), st.booleans()), max_size=60)


def test_twenty_different_scores_make_ten_pairs() -> None:
    found = reliability([float(score) for score in range(20)], [score >= 15 for score in range(20)])
    assert [one.score for one in found] == [0.5 + 2 * group for group in range(10)]
    assert [one.share for one in found] == [0, 0, 0, 0, 0, 0, 0, 0.5, 1, 1]
    assert {one.places for one in found} == {2}


def test_equal_scores_are_one_group() -> None:
    assert reliability([3.0] * 8, [True, *[False] * 7]) == [Reliability(3.0, 1 / 8, 8)]
    assert reliability([], []) == []


@given(predictions, st.randoms(use_true_random=False))
def test_groups_hold_every_prediction_once_in_any_order(found: list[tuple[float, bool]], random: Any) -> None:
    def grouped(some: list[tuple[float, bool]]) -> list[Reliability]:
        return reliability([score for score, _ in some], [outcome for _, outcome in some])

    groups = grouped(found)
    assert sum(one.places for one in groups) == len(found)
    assert sum(one.places * one.share for one in groups) == pytest.approx(sum(outcome for _, outcome in found))
    assert sum(one.places * one.score for one in groups) == pytest.approx(sum(score for score, _ in found), abs=1e-9)
    assert sorted(groups) == groups
    assert len(groups) <= 10
    random.shuffle(found)
    assert grouped(found) == groups


def test_a_place_comes_true_where_it_holds_the_held_out_video() -> None:
    # v0 is scored highest of the unseen three, and was held out of one user of two
    model = line(4)
    held_out = hold_out(model, model, [liked("v3", "v0"), liked("v3", "v2")])
    groups = reliability_of(model, held_out, 1)
    assert sum(one.places for one in groups) == 2
    assert sum(one.places * one.share for one in groups) == 1.0


def test_as_many_come_true_as_lists_hold_their_video() -> None:
    one, other = random_model(3), random_model(4)
    held_out = hold_out(one, other, users(3, 40))
    groups = reliability_of(one, held_out, 5)
    tops = recommend(one, held_out.histories, 5)
    hits = sum(one.index[video] in top.rows for video, top in zip(held_out.videos, tops, strict=True))
    assert round(sum(group.places * group.share for group in groups)) == hits > 0
    assert sum(group.places for group in groups) == sum(map(len, tops))
    assert np.isfinite([group.score for group in groups]).all()
