from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from models.scoring import EMPTY_TOP_N, TopN, best_videos, largest_norm, score_pairs, score_videos, top_n


def by_sorting(scores: NDArray[Any], n: int, excluded: NDArray[np.int32] | None = None) -> list[tuple[int, float]]:
    """Score descending, then row ascending, by Python's sort."""
    gone = set() if excluded is None else set(excluded.tolist())
    pairs = [(row, score) for row, score in enumerate(scores.tolist()) if row not in gone and score > -np.inf]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:n]


def pairs_of(top: TopN) -> list[tuple[int, float]]:
    assert top.rows.dtype == np.int32
    assert top.scores.dtype == np.float32
    return list(zip(top.rows.tolist(), top.scores.tolist(), strict=True))


# few different values: ties everywhere, most of all at the border; both zeros and both infinities
many_ties = st.sampled_from([-np.inf, -2.5, -1.0, -0.0, 0.0, 1e-40, 1.0, 3.0, np.inf])
any_float = st.floats(width=32, allow_nan=False)


@given(
    scores=hnp.arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 150)), elements=many_ties | any_float),
    n=st.integers(1, 20),
    data=st.data(),
)
def test_top_n_is_the_sorted_head(scores: NDArray[np.float32], n: int, data: st.DataObject) -> None:
    row = st.integers(0, scores.shape[1] - 1)
    excluded = [np.array(data.draw(st.lists(row, max_size=40)), np.int32) for _ in scores]
    expected = [by_sorting(user, n, gone) for user, gone in zip(scores, excluded, strict=True)]
    assert [pairs_of(top) for top in top_n(scores.copy(), n, excluded)] == expected


@pytest.mark.parametrize("n_videos", [1, 7, 80, 799, 800, 801, 5000])
@pytest.mark.parametrize("n_values", [1, 3, 100_000])
def test_top_100_of_many(n_videos: int, n_values: int) -> None:
    rng = np.random.default_rng(n_videos)
    scores = rng.integers(0, n_values, (5, n_videos)).astype(np.float32)
    for top, user in zip(top_n(scores.copy(), 100), scores, strict=True):
        assert pairs_of(top) == by_sorting(user, 100)


def test_ties_at_the_border_go_to_the_lower_rows() -> None:
    scores = np.zeros((1, 1000), np.float32)
    scores[0, [900, 500]] = 1.0
    assert top_n(scores, 5)[0].rows.tolist() == [500, 900, 0, 1, 2]


def test_what_is_excluded_never_appears_even_when_nothing_else_is_left() -> None:
    scores = np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]], np.float32)
    excluded = [np.array([2, 0], np.int32), np.array([0, 1, 2], np.int32)]
    tops = top_n(scores, 3, excluded)
    assert [top.rows.tolist() for top in tops] == [[1], []]
    assert len(tops[1]) == len(EMPTY_TOP_N) == 0


def test_no_users() -> None:
    assert top_n(np.empty((0, 9), np.float32), 3, []) == []


def test_scores_are_dot_products() -> None:
    users, videos = np.array([[1, 2], [0, -1]], np.float32), np.array([[3, 4], [5, 6], [0, 1]], np.float32)
    assert score_videos(users, videos).tolist() == [[11, 17, 2], [-4, -6, -1]]
    assert score_pairs(users[0], videos).tolist() == [11, 17, 2]
    assert largest_norm(videos) == pytest.approx(61**0.5)


@given(seed=st.integers(0, 2**16), n_users=st.integers(1, 9), k=st.integers(1, 40))
def test_batch_scores_are_close_to_single_scores(seed: int, n_users: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    users, videos = rng.normal(size=(n_users, k)).astype(np.float32), rng.normal(size=(30, k)).astype(np.float32)
    whole = score_videos(users, videos)
    for user, row in zip(users, whole, strict=True):
        assert np.allclose(score_videos(user[np.newaxis], videos), row, atol=1e-5)
        assert np.allclose(score_pairs(user, videos), row, atol=1e-5)


@given(seed=st.integers(0, 2**16), k=st.sampled_from([1, 3, 8, 50, 64]), n=st.integers(1, 30))
def test_best_videos_are_those_of_the_largest_pair_scores(seed: int, k: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    users = rng.normal(size=(6, k)).astype(np.float32)
    # nearly equal videos: the order hangs on the last bits
    videos = (rng.normal(size=k) + 1e-6 * rng.normal(size=(400, k))).astype(np.float32)
    excluded = [rng.choice(400, 20, replace=False).astype(np.int32) for _ in users]
    tops = best_videos(users, videos, largest_norm(videos), n, excluded)
    for user, gone, top in zip(users, excluded, tops, strict=True):
        assert pairs_of(top) == by_sorting(score_pairs(user, videos), n, gone)


def test_best_videos_are_the_same_bits_in_any_batch() -> None:
    rng = np.random.default_rng(0)
    users, videos = rng.normal(size=(60, 64)).astype(np.float32), rng.normal(size=(3000, 64)).astype(np.float32)
    whole = [pairs_of(top) for top in best_videos(users, videos, largest_norm(videos), 50)]
    for size in (1, 2, 7, 24, 33):
        blocks = [users[first : first + size] for first in range(0, 60, size)]
        found = [pairs_of(top) for block in blocks for top in best_videos(block, videos, largest_norm(videos), 50)]
        assert found == whole
