"""Where a key lives: the one function that producers, the reader, the router and the tests agree on."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from aiokafka.partitioner import murmur2
from numpy.typing import NDArray

PARTITIONER_ADVICE = (
    "set murmur2 in their producer (librdkafka: partitioner=murmur2_random; other clients: app/contract/README.md, "
    "key and partition)"
)
"""What to do about users who lie elsewhere than `partition_of` says."""

_NAMED = 10
"""How many partitions a sentence names."""
_SEED, _FACTOR, _SHIFT = np.uint32(0x9747B28C), np.uint32(0x5BD1E995), np.uint32(24)
_TAIL_SHIFTS = (np.uint32(0), np.uint32(8), np.uint32(16))


def named(partitions: Sequence[int]) -> str:
    """Return partitions for a sentence: the first ten by their numbers, and how many more there are."""
    more = len(partitions) - _NAMED
    return ", ".join(map(str, partitions[:_NAMED])) + (f" and {more} more" if more > 0 else "")


@lru_cache(maxsize=1 << 16)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a raw key as the Java client and aiokafka compute it.

    Positive murmur2 of the key, modulo the number of partitions. Producers on librdkafka need
    `partitioner=murmur2_random` to agree.
    """
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


def partitions_of(keys: Sequence[bytes], partitions: int) -> NDArray[np.int32]:
    """Return `partition_of` of each key, int32 (keys,).

    All keys of one length are hashed together: 0.1 to 0.2 us a key of 1,000, a tenth of what they cost one by one.
    """
    lengths = np.fromiter(map(len, keys), np.int64, len(keys))
    found = np.empty(len(keys), np.int32)
    for length in np.unique(lengths).tolist():
        (at,) = np.nonzero(lengths == length)
        together = keys if len(at) == len(keys) else [keys[index] for index in at.tolist()]
        hashed = _murmur2(b"".join(together), len(at), length)
        found[at] = (hashed & np.uint32(0x7FFFFFFF)) % np.uint32(partitions)
    return found


def _murmur2(keys: bytes, count: int, length: int) -> NDArray[np.uint32]:
    """Return murmur2 of `count` keys of `length` bytes each, one behind the other."""
    data = np.frombuffer(keys, np.uint8).reshape(count, length)
    whole = length - length % 4
    hashed = np.full(count, _SEED ^ np.uint32(length))
    for word in np.ascontiguousarray(data[:, :whole]).view("<u4").T if whole else ():
        mixed = word * _FACTOR
        mixed ^= mixed >> _SHIFT
        hashed = hashed * _FACTOR ^ mixed * _FACTOR
    if whole < length:
        for column, shift in zip(data[:, whole:].T, _TAIL_SHIFTS, strict=False):
            hashed = hashed ^ (column.astype(np.uint32) << shift)
        hashed = hashed * _FACTOR
    hashed ^= hashed >> np.uint32(13)
    hashed *= _FACTOR
    hashed ^= hashed >> np.uint32(15)
    return hashed
