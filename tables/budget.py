"""What a worker's databases may take of memory and of open files, and the least that they need.

Each partition has a database of its own, and a worker may come to hold all of them.
"""

MIN_WRITE_BUFFER_BYTES = 64 << 10
"""RocksDB takes no smaller memtable."""
OWN_FILES = 7
"""What an open database holds beside its tables: journal, log, manifest, lock, its folder twice; one of them is
exchanged now and then."""
MIN_TABLES = 10
"""RocksDB holds no fewer tables open; while it merges some, that database has about ten more for a moment."""
MIN_OPEN_FILES = OWN_FILES + MIN_TABLES
MIN_WRITE_BUFFERS = 2
DATABASE_BYTES = 256 << 10
"""What RocksDB takes for an open database beside cache and memtables; 200 KiB were measured."""
_MIB = 1 << 20


def least_memory_mib(databases: int) -> int:
    """Return the MiB below which so many databases cannot be kept: each, two memtables, and as much for the cache."""
    each = DATABASE_BYTES + 2 * MIN_WRITE_BUFFERS * MIN_WRITE_BUFFER_BYTES
    return -(-databases * each // _MIB)


def least_open_files(databases: int) -> int:
    """Return the files below which so many databases cannot be kept."""
    return databases * MIN_OPEN_FILES
