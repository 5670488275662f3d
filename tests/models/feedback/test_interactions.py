import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from models.feedback.confidence import ConfidenceRule
from models.feedback.history import EMPTY_HISTORY
from models.feedback.interactions import Interactions
from tests.support.histories import deeds_of_users, history_of

RULE = ConfidenceRule()


def dense(interactions: Interactions) -> list[list[float]]:
    shape = interactions.n_users, interactions.n_videos
    matrix = csr_matrix((interactions.confidences, interactions.rows, interactions.indptr), shape=shape)
    result: list[list[float]] = matrix.toarray().tolist()
    return result


def an_example(min_users_per_video: int = 1) -> Interactions:
    histories = [
        history_of(("play", "z", 1200), ("rate", "b", 5)),
        EMPTY_HISTORY,
        history_of(("play", "b", 600), ("dismiss", "z", 0), ("view", "y", 0)),
        history_of(("rate", "b", 4), ("list_add", "c", 0)),
    ]
    return Interactions.from_histories("uvwx", histories, RULE, min_users_per_video=min_users_per_video)


def test_by_hand() -> None:
    found = an_example()
    assert (found.user_ids, found.video_ids) == (("u", "v", "w", "x"), ("b", "c", "z"))
    assert dense(found) == [[1, 0, 1], [0, 0, 0], [0.5, 0, 0], [1, 0.5, 0]]
    assert found.popularity().tolist() == [3, 1, 1]
    assert [array.dtype for array in (found.indptr, found.rows, found.confidences)] == [np.int64, np.int32, np.float32]


def test_videos_of_few_users_are_left_out_and_users_stay() -> None:
    found = an_example(min_users_per_video=2)
    assert (found.n_users, found.video_ids) == (4, ("b",))
    assert dense(found) == [[1], [0], [0.5], [1]]


def test_nobody_and_nothing() -> None:
    assert dense(Interactions.from_histories([], [], RULE)) == []
    nothing = Interactions.from_histories(["u"], [EMPTY_HISTORY], RULE)
    assert (nothing.n_users, nothing.n_videos, nothing.indptr.tolist()) == (1, 0, [0, 0])


@given(deeds_of_users, st.integers(1, 3))
def test_rows_ascend_every_video_has_its_users_and_transposing_twice_is_nothing(
    users: list[list[tuple[str, str, float]]], least: int
) -> None:
    ids = [str(user) for user in range(len(users))]
    found = Interactions.from_histories(ids, [history_of(*deeds) for deeds in users], RULE, min_users_per_video=least)
    assert all((np.diff(own) > 0).all() for own in np.split(found.rows, found.indptr[1:-1]))
    assert (found.popularity() >= least).all()
    flipped = found.transposed()
    assert [list(row) for row in zip(*dense(found), strict=True)] == (dense(flipped) if users else [])
    assert dense(flipped.transposed()) == dense(found)
    assert all((np.diff(own) > 0).all() for own in np.split(flipped.rows, flipped.indptr[1:-1]))
