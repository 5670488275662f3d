"""Where a key lives: the one function that producers, the reader, the router and the tests agree on."""

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=1 << 16)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a raw key as the Java client and aiokafka compute it.

    Positive murmur2 of the key, modulo the number of partitions. Producers on librdkafka need
    `partitioner=murmur2_random` to agree.
    """
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)
