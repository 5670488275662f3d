from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from models.numerics.scoring import EMPTY_TOP_N, ExactSearch, Excluded, TopN, score_pairs, score_videos, top_n


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
    scores=hnp.arrays(np.float32, st.integers(1, 150), elements=many_ties | any_float),
    n=st.integers(1, 20),
)
def test_top_n_is_the_sorted_head(scores: NDArray[np.float32], n: int) -> None:
    assert pairs_of(top_n(scores, n)) == by_sorting(scores, n)


@pytest.mark.parametrize("n_videos", [1, 7, 99, 100, 101, 5000])
@pytest.mark.parametrize("n_values", [1, 3, 100_000])
def test_top_100_of_many(n_videos: int, n_values: int) -> None:
    scores = np.random.default_rng(n_videos).integers(0, n_values, n_videos).astype(np.float32)
    assert pairs_of(top_n(scores, 100)) == by_sorting(scores, 100)


def test_no_scores() -> None:
    assert len(top_n(np.empty(0, np.float32), 3)) == 0


def test_scores_are_dot_products() -> None:
    users, videos = np.array([[1, 2], [0, -1]], np.float32), np.array([[3, 4], [5, 6], [0, 1]], np.float32)
    assert score_videos(users, videos).tolist() == [[11, 17, 2], [-4, -6, -1]]
    assert score_pairs(users[0], videos).tolist() == [11, 17, 2]


@given(seed=st.integers(0, 2**16), n_users=st.integers(1, 9), k=st.integers(1, 40))
def test_batch_scores_are_close_to_single_scores(seed: int, n_users: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    users, videos = rng.normal(size=(n_users, k)).astype(np.float32), rng.normal(size=(30, k)).astype(np.float32)
    whole = score_videos(users, videos)
    for user, row in zip(users, whole, strict=True):
        assert np.allclose(score_videos(user[np.newaxis], videos), row, atol=1e-5)
        assert np.allclose(score_pairs(user, videos), row, atol=1e-5)


def excluded_of(lists: Sequence[NDArray[np.int32]]) -> Excluded:
    ends = np.cumsum([0, *map(len, lists)])
    return Excluded(np.concatenate([np.sort(rows) for rows in lists]), ends[:-1], ends[1:])


@given(
    seed=st.integers(0, 2**16),
    k=st.sampled_from([1, 3, 8, 50, 64]),
    n=st.integers(1, 30),
    n_videos=st.sampled_from([1, 5, 400, 5120, 5121, 10_241]),
    spread=st.sampled_from([0.0, 1e-7, 1e-6, 1e-3, 1.0]),
)
@settings(deadline=None)
def test_best_videos_are_those_of_the_largest_pair_scores(
    seed: int, k: int, n: int, n_videos: int, spread: float
) -> None:
    rng = np.random.default_rng(seed)
    users = rng.normal(size=(4, k)).astype(np.float32)
    # with a small spread the videos are nearly or wholly equal: the order hangs on the last bits, or on the rows
    videos = (rng.normal(size=k) + spread * rng.normal(size=(n_videos, k))).astype(np.float32)
    gone = [rng.choice(n_videos, rng.integers(0, n_videos + 1), replace=False).astype(np.int32) for _ in users]
    tops = ExactSearch(videos).best(users, n, excluded_of(gone))
    for user, rows, top in zip(users, gone, tops, strict=True):
        assert pairs_of(top) == by_sorting(score_pairs(user, videos), n, rows)


@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled"])
@pytest.mark.parametrize("n", [1, 10, 100, 1500, 9000])
def test_best_videos_in_whatever_order_the_scores_come(n: int, order: str) -> None:
    # scores are row / 7, exact products of a single factor: every later block of videos is better, or none is
    factors = np.arange(7000, dtype=np.float32)[:, np.newaxis] / np.float32(7)
    if order == "descending":
        factors = factors[::-1].copy()
    if order == "shuffled":
        factors = np.random.default_rng(0).permutation(factors)
    users = np.array([[1.0], [-2.0], [0.5]], np.float32)
    for user, top in zip(users, ExactSearch(factors).best(users, n), strict=True):
        assert pairs_of(top) == by_sorting(factors[:, 0] * user[0], n)


def test_what_is_excluded_never_appears_even_when_nothing_else_is_left() -> None:
    videos = np.array([[3.0], [2.0], [1.0]], np.float32)
    users = np.array([[1.0], [-1.0]], np.float32)
    excluded = excluded_of([np.array([2, 0], np.int32), np.array([0, 1, 2], np.int32)])
    tops = ExactSearch(videos).best(users, 3, excluded)
    assert [top.rows.tolist() for top in tops] == [[1], []]
    assert len(tops[1]) == len(EMPTY_TOP_N) == 0


def test_with_and_without_the_transposed_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    users, videos = rng.normal(size=(70, 20)).astype(np.float32), rng.normal(size=(11_000, 20)).astype(np.float32)
    fast = ExactSearch(videos).best(users, 30)
    monkeypatch.setattr("models.numerics.scoring._TRANSPOSED_BYTES", 0)
    lean = ExactSearch(videos).best(users, 30)
    assert [pairs_of(top) for top in lean] == [pairs_of(top) for top in fast]
    assert pairs_of(fast[69]) == by_sorting(score_pairs(users[69], videos), 30)


def test_no_users() -> None:
    assert ExactSearch(np.ones((9, 2), np.float32)).best(np.empty((0, 2), np.float32), 3) == []


def test_best_videos_are_the_same_bits_in_any_batch() -> None:
    rng = np.random.default_rng(0)
    users, videos = rng.normal(size=(300, 64)).astype(np.float32), rng.normal(size=(3000, 64)).astype(np.float32)
    whole = [pairs_of(top) for top in ExactSearch(videos).best(users, 50)]
    for size in (1, 2, 7, 33, 129):
        blocks = [users[first : first + size] for first in range(0, len(users), size)]
        found = [pairs_of(top) for block in blocks for top in ExactSearch(videos).best(block, 50)]
        assert found == whole
