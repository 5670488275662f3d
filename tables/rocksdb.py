"""RocksDB options: every byte of memory and every open file is budgeted.

Faust opens one database a table and partition, each with a 2 GiB block cache and three 64 MiB write buffers
unless told otherwise. Here all databases share one cache, and the rest of a worker's budget is divided by the number
of databases that it may come to hold.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from faust.stores import rocksdb
from rocksdict import (
    BlockBasedIndexType,
    BlockBasedOptions,
    Cache,
    DBCompressionType,
    Rdict,
    ReadOptions,
    WriteOptions,
)

from tables.budget import (
    DATABASE_BYTES,
    MIN_WRITE_BUFFER_BYTES,
    MIN_WRITE_BUFFERS,
    OWN_FILES,
    least_memory_mib,
    least_open_files,
)

_WRITE_BUFFERS = 3
_FILES_TO_MERGE = 8
_NO_TABLES = 10
"""Of its open files RocksDB gives the rest to tables."""

Opening: TypeAlias = Callable[[Path, Callable[[Path], Rdict]], Rdict]
"""Opens the database of a folder by the function that it is given, and may do more."""


@dataclass(frozen=True, slots=True)
class RocksDBOptions:
    """Bounds of a worker's databases.

    Parameters
    ----------
    block_cache_bytes : cache of uncompressed blocks, indexes and Bloom filters; one, of all databases.
    write_buffer_bytes : one memtable of one database.
    write_buffers : how many of them a database holds at most; then its writes wait until one is in a file.
    max_open_files : of one database, as RocksDB counts: it keeps ten for what are no tables, whatever it needs.
    """

    block_cache_bytes: int
    write_buffer_bytes: int
    write_buffers: int
    max_open_files: int

    @classmethod
    def from_budget(cls, memory_bytes: int, databases: int, open_files: int) -> "RocksDBOptions":
        """Divide a worker's budget by `databases` >= 1: what they take themselves, then half each to cache and buffers.

        Raises
        ------
        ValueError
            When it is not enough for so many; both numbers are in the message.
        """
        if memory_bytes >> 20 < (least := least_memory_mib(databases)):
            raise ValueError(f"{databases} databases need {least} MiB of memory, and {memory_bytes >> 20} are given")
        if open_files < (least := least_open_files(databases)):
            raise ValueError(f"{databases} databases need {least} open files, and {open_files} are given")
        half = (memory_bytes - databases * DATABASE_BYTES) // 2
        share = half // databases
        buffers = _WRITE_BUFFERS if share >= _WRITE_BUFFERS * MIN_WRITE_BUFFER_BYTES else MIN_WRITE_BUFFERS
        return cls(
            block_cache_bytes=half,
            write_buffer_bytes=share // buffers,
            write_buffers=buffers,
            max_open_files=open_files // databases - OWN_FILES + _NO_TABLES,
        )

    def for_faust(self) -> dict[str, object]:
        """Return a new dict for `app.Table(options=...)`; new, because Faust removes a key from what it is given."""
        return {
            "driver": "rocksdict",
            "block_cache_size": self.block_cache_bytes,
            "write_buffer_size": self.write_buffer_bytes,
            "max_write_buffer_number": self.write_buffers,
            "max_open_files": self.max_open_files,
            "bloom_filter_size": 10,
        }


class QuickOptions(rocksdb.RocksDBOptions):
    """Faust's options, with two that cost less CPU, one cache of all databases, and an opening of this project's own.

    Files of the first level are merged eight at a time instead of four: users are written in no order, so each such
    merge rewrites the whole database; Bloom filters keep reads cheap. Blocks are compressed with LZ4 instead of
    Snappy, which reads rows in less than half the time.

    What RocksDB checks stays as it comes, which is everything: each block that is read has a checksum, and after a
    merge or a flush that met a wrong one every write fails (`paranoid_checks`).
    """

    opening: Opening
    cache: Cache

    @classmethod
    def like(cls, options: rocksdb.RocksDBOptions, opening: Opening) -> "QuickOptions":
        """Return the same options, and these; databases are opened through `opening`."""
        found = cls()
        vars(found).update(vars(options))
        found.opening = opening
        found.cache = Cache(found.block_cache_size)
        return found

    def open(self, path: Path, *, read_only: bool = False) -> Rdict:
        """Open the database of a folder."""
        return self.opening(path, lambda folder: super(QuickOptions, self).open(folder, read_only=read_only))

    def as_options(self) -> Any:
        """Return the options to open a database with."""
        options = super().as_options()
        options.set_level_zero_file_num_compaction_trigger(_FILES_TO_MERGE)
        options.set_compression_type(DBCompressionType.lz4())
        options.set_block_based_table_factory(self._tables())
        return options

    def _tables(self) -> BlockBasedOptions:
        """Return Faust's options of tables, on the shared cache; what RocksDB would hold beside it is in it, too."""
        tables = BlockBasedOptions()
        tables.set_block_cache(self.cache)
        tables.set_cache_index_and_filter_blocks(True)
        tables.set_pin_l0_filter_and_index_blocks_in_cache(True)
        tables.set_bloom_filter(self.bloom_filter_size, block_based=True)
        tables.set_index_type(BlockBasedIndexType.binary_search())
        return tables


def _without_journal() -> WriteOptions:
    """Return options for a write that is lost with the process while it is in memory only.

    The changelog is the journal, and RocksDB's own would cost more than the table itself. What a crash leaves is what
    was flushed: whole batches, in their order, so an older state with its own older position and changelog offset.
    """
    options = WriteOptions()
    options.disable_wal = True  # type: ignore[method-assign, assignment]  # its stub takes the property for a method
    return options


WITHOUT_JOURNAL = _without_journal()
"""How every row of a table is written."""


def _beside_the_cache() -> ReadOptions:
    """Return options for reading everything once, which is not worth a place in the cache."""
    options = ReadOptions()
    options.fill_cache(False)  # type: ignore[call-arg]  # its stub lacks the argument
    return options


BESIDE_THE_CACHE = _beside_the_cache()
"""How a table is looked through."""
