"""The budget: what all databases together may take is what the worker was given, or it is refused with the numbers."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from faust.stores import rocksdb
from hypothesis import given
from hypothesis import strategies as st
from rocksdict import Rdict, WriteBatch, WriteOptions

from tables.budget import DATABASE_BYTES, MIN_OPEN_FILES, MIN_WRITE_BUFFER_BYTES, least_memory_mib, least_open_files
from tables.rocksdb import QuickOptions, RocksDBOptions

DATABASES = 40
MEMORY_BYTES = 24 << 20


@given(st.integers(1, 1024), st.integers(0, 1 << 34), st.integers(0, 1 << 20))
def test_whatever_their_number_the_databases_stay_within_the_budget(databases: int, memory: int, files: int) -> None:
    memory += least_memory_mib(databases) << 20
    files += least_open_files(databases)
    options = RocksDBOptions.from_budget(memory, databases, files)
    each = DATABASE_BYTES + options.write_buffers * options.write_buffer_bytes
    assert memory - 4 * databases - 1 <= options.block_cache_bytes + databases * each <= memory
    tables = options.max_open_files - 10  # RocksDB keeps ten for what are no tables, and needs seven
    assert databases * (tables + 7) <= files
    assert options.write_buffer_bytes >= MIN_WRITE_BUFFER_BYTES, "RocksDB would take more"
    assert options.max_open_files >= 20, "RocksDB would take more"
    assert options.write_buffers in {2, 3}


@pytest.mark.parametrize(
    ("memory_mib", "files", "words"),
    [
        (511, 17408, "1024 databases need 512 MiB of memory, and 511 are given"),
        (512, 17407, "1024 databases need 17408 open files, and 17407 are given"),
    ],
)
def test_a_budget_that_cannot_be_kept_is_refused_with_both_numbers(memory_mib: int, files: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RocksDBOptions.from_budget(memory_mib << 20, 1024, files)
    assert RocksDBOptions.from_budget(512 << 20, 1024, 17408).max_open_files == 20


def test_each_table_gets_a_dict_of_its_own() -> None:
    options = RocksDBOptions.from_budget(1 << 28, 12, 1024)
    first = options.for_faust()
    first.pop("driver")
    assert options.for_faust()["driver"] == "rocksdict"


@pytest.fixture
def options() -> QuickOptions:
    """Options of forty databases that have 24 MiB and 680 files."""
    budget = RocksDBOptions.from_budget(MEMORY_BYTES, DATABASES, DATABASES * MIN_OPEN_FILES)
    given_to_faust = {name: value for name, value in budget.for_faust().items() if name != "driver"}
    return QuickOptions.like(
        rocksdb.RocksDBOptions(**given_to_faust),  # type: ignore[arg-type]
        lambda folder, open_database: open_database(folder),
    )


@pytest.fixture
def databases(options: QuickOptions, tmp_path: Path) -> Iterator[list[Rdict]]:
    """All of them, open."""
    found = [options.open(tmp_path / f"{number}.db") for number in range(DATABASES)]
    yield found
    for database in found:
        database.close()


def test_all_databases_share_one_cache_and_hold_few_files(
    options: QuickOptions, databases: list[Rdict], tmp_path: Path
) -> None:
    without_journal = WriteOptions()
    without_journal.disable_wal = True  # type: ignore[method-assign, assignment]
    row = os.urandom(1000)
    for turn in range(20):
        for database in databases:
            batch = WriteBatch(raw_mode=True)
            for number in range(40):
                batch.put(b"%d-%d" % (turn, number), row)
            database.write(batch, without_journal)
    for database in databases:
        database.flush()
    assert options.cache.get_usage() <= MEMORY_BYTES // 2
    for database in databases:
        assert [database.get(b"%d-%d" % (turn, 7)) for turn in range(20)] == [row] * 20
    held = options.cache.get_usage()
    assert 20 * DATABASES * len(row) // 2 < held <= MEMORY_BYTES // 2, "what was read is in this cache, and no more"
    assert _open_below(tmp_path) <= DATABASES * MIN_OPEN_FILES


def _open_below(folder: Path) -> int:
    """How many files of a folder this process has open."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that lists them
            found += link.readlink().is_relative_to(folder)
    return found
