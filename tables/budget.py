"""What a worker's databases may take of memory and of open files, and the least that they need.

Each partition has a database of its own, and a worker may come to hold all of them.
"""

MIN_WRITE_BUFFER_BYTES = 64 << 10
"""RocksDB takes no smaller memtable."""
MIN_OPEN_FILES = 20
"""RocksDB takes no lower bound: ten tables beside its log, manifest, lock and the like."""
MIN_WRITE_BUFFERS = 2
_MIB = 1 << 20


def least_memory_mib(databases: int) -> int:
    """Return the MiB below which so many databases cannot be kept: two memtables of each, and as much for the cache."""
    return -(-2 * databases * MIN_WRITE_BUFFERS * MIN_WRITE_BUFFER_BYTES // _MIB)


def least_open_files(databases: int) -> int:
    """Return the files below which so many databases cannot be kept."""
    return databases * MIN_OPEN_FILES
