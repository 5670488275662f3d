import numpy as np
import pytest
from hypothesis import given

from models.feedback.confidence import ConfidenceRule, KnownFacts
from tests.support.histories import INDEX, deeds_of_users, history_of

RULE = ConfidenceRule(
    play_weight=2.0,
    play_full_seconds=100.0,
    like_rating=4.0,
    like_weight=3.0,
    dislike_rating=2.0,
    view_weight=0.125,
    list_weight=0.5,
)


def confidences_of(*deeds: tuple[str, str, float]) -> dict[int, float]:
    rows, confidences = RULE.confidences(history_of(*deeds), INDEX)
    assert rows.dtype == np.int32
    assert confidences.dtype == np.float32
    return dict(zip(rows.tolist(), confidences.tolist(), strict=True))


@pytest.mark.parametrize(
    ("deeds", "expected"),
    [
        ([], {}),
        ([("play", "a", 100)], {0: 2.0}),
        ([("play", "a", 25)], {0: 0.5}),
        ([("play", "a", 1e9)], {0: 2.0}),
        ([("play", "a", 100), ("play", "a", 25)], {0: 0.5}),  # the latest play is the fact
        ([("rate", "b", 4)], {1: 3.0}),
        ([("rate", "b", 3.5)], {}),
        ([("rate", "b", 2)], {}),
        ([("rate", "b", 2), ("rate", "b", 5)], {1: 3.0}),
        ([("view", "c", 0)], {2: 0.125}),
        ([("list_add", "c", 0)], {2: 0.5}),
        ([("list_add", "c", 0), ("list_remove", "c", 0)], {}),
        ([("list_remove", "c", 0), ("list_add", "c", 0)], {2: 0.5}),
        ([("dismiss", "c", 0)], {}),
        ([("view", "a", 0), ("play", "a", 50), ("list_add", "a", 0), ("rate", "a", 5)], {0: 4.625}),
        ([("play", "a", 100), ("rate", "a", 1.5)], {}),  # a veto, whatever else
        ([("dismiss", "a", 0), ("play", "a", 100), ("rate", "a", 5)], {}),
        ([("play", "a", 100), ("rate", "b", 1)], {0: 2.0}),  # of its own video only
        ([("play", "unknown", 100), ("play", "d", 100)], {3: 2.0}),
    ],
)
def test_by_hand(deeds: list[tuple[str, str, float]], expected: dict[int, float]) -> None:
    assert confidences_of(*deeds) == expected


def test_rows_are_in_ascending_order_whatever_the_order_of_the_deeds() -> None:
    assert list(confidences_of(("play", "d", 9), ("play", "a", 9), ("view", "c", 0), ("view", "a", 0))) == [0, 2, 3]


def test_a_weight_of_0_means_nothing_counts() -> None:
    rows, confidences = ConfidenceRule().confidences(history_of(("view", "a", 0)), INDEX)
    assert len(rows) == len(confidences) == 0


@given(deeds_of_users)
def test_matrix_of_many_users_is_each_users_confidences(users: list[list[tuple[str, str, float]]]) -> None:
    histories = [history_of(*deeds) for deeds in users]
    indptr, rows, confidences = RULE.matrix(KnownFacts.of(histories, INDEX))
    assert indptr.tolist()[0] == 0
    assert indptr.dtype == np.int64
    assert len(indptr) == len(users) + 1
    for history, first, last in zip(histories, indptr, indptr[1:], strict=False):
        own_rows, own_confidences = RULE.confidences(history, INDEX)
        assert np.array_equal(own_rows, rows[first:last])
        assert np.array_equal(own_confidences, confidences[first:last])
        assert (np.diff(own_rows) > 0).all()
        assert (own_confidences > 0).all()


def test_no_histories() -> None:
    known = KnownFacts.of([], INDEX)
    indptr, rows, confidences = RULE.matrix(known)
    assert (indptr.tolist(), len(rows), len(confidences)) == ([0], 0, 0)
