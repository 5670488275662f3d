"""The partitioner: as the Java client computes it."""

import pytest
from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from agents.kafka.partitions import named, partition_of, partitions_of

VECTORS = [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536)]
"""org.apache.kafka.common.utils.UtilsTest.testMurmur2"""


@pytest.mark.parametrize(("key", "hashed"), VECTORS)
def test_agrees_with_kafkas_own_test_vectors(key: bytes, hashed: int) -> None:
    assert partition_of(key, 1 << 31) == hashed & 0x7FFFFFFF
    assert partition_of(key, 12) == (hashed & 0x7FFFFFFF) % 12


def test_many_keys_agree_with_kafkas_own_test_vectors() -> None:
    found = partitions_of([key for key, _ in VECTORS], 1 << 31)
    assert found.tolist() == [hashed & 0x7FFFFFFF for _, hashed in VECTORS]


@given(st.lists(st.binary(max_size=70)), st.integers(1, 1 << 31))
def test_many_keys_lie_where_aiokafka_puts_each(keys: list[bytes], partitions: int) -> None:
    assert partitions_of(keys, partitions).tolist() == [(murmur2(key) & 0x7FFFFFFF) % partitions for key in keys]


def test_a_sentence_names_no_more_than_ten_partitions() -> None:
    assert named([0, 1, 2]) == "0, 1, 2"
    assert named(range(10)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert named(range(1024)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 1014 more"
