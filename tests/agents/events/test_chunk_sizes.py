"""Chunk sizes: rows of one partition fit into one batch, whatever their size turns out to be."""

from hypothesis import given
from hypothesis import strategies as st

from agents.events.chunk_sizes import ChunkSizes


def test_before_anything_is_known_a_chunk_may_be_of_one_partition() -> None:
    assert ChunkSizes(1000, 1 << 20).per_partition == 1000


@given(st.integers(1, 5000), st.integers(1, 1 << 20), st.integers(1, 100_000))
def test_rows_as_large_as_the_last_ones_fit_into_a_batch(max_records: int, max_bytes: int, row_bytes: int) -> None:
    sizes = ChunkSizes(max_records, max_bytes)
    sizes.learn(10, 10 * row_bytes)
    assert 1 <= sizes.per_partition <= max_records
    assert sizes.per_partition == 1 or sizes.per_partition * row_bytes <= max_bytes


def test_larger_rows_count_at_once_and_smaller_ones_in_the_long_run() -> None:
    sizes = ChunkSizes(1000, 1 << 20)
    sizes.learn(1, 1 << 20)
    assert sizes.per_partition == 1
    sizes.learn(1000, 1000)
    assert sizes.per_partition < 10
    for _ in range(200):
        sizes.learn(1000, 1000)
    assert sizes.per_partition == 1000


@given(st.integers(1, 5000), st.floats(0.001, 10), st.floats(1e-6, 100))
def test_no_chunk_is_prepared_longer_than_it_may(max_records: int, max_seconds: float, cost: float) -> None:
    sizes = ChunkSizes(max_records, 1 << 20, max_seconds)
    assert 1 <= sizes.max_records <= max(100, max_records)
    sizes.learn_seconds(10, 10 * cost)
    most = sizes.max_records
    assert most == 1 or most * cost <= max_seconds * (1 + 1e-9)
    assert most == max_records or (most + 1) * cost > max_seconds * (1 - 1e-9)
    assert sizes.per_partition <= most


def test_the_first_chunk_is_small_where_time_is_bounded() -> None:
    assert ChunkSizes(1000, 1 << 20, 1.0).max_records == 100
    assert ChunkSizes(50, 1 << 20, 1.0).max_records == 50
