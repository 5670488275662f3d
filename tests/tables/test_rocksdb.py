"""The memory budget: what all databases together may take is what the worker was given."""

from hypothesis import given
from hypothesis import strategies as st

from tables.rocksdb import MIN_CACHE_BYTES, MIN_WRITE_BUFFER_BYTES, RocksDBOptions


@given(st.integers(1 << 28, 1 << 34), st.integers(1, 32))
def test_databases_share_the_budget(memory: int, databases: int) -> None:
    options = RocksDBOptions.from_budget(memory, databases, open_files=1024)
    each = options.block_cache_bytes + 3 * options.write_buffer_bytes
    assert memory - 4 * databases <= databases * each <= memory


def test_a_database_never_gets_less_than_it_needs() -> None:
    options = RocksDBOptions.from_budget(1 << 20, 1000, open_files=64)
    assert options == RocksDBOptions(MIN_CACHE_BYTES, MIN_WRITE_BUFFER_BYTES, 16)


def test_each_table_gets_a_dict_of_its_own() -> None:
    options = RocksDBOptions.from_budget(1 << 28, 12, 1024)
    first = options.for_faust()
    first.pop("driver")
    assert options.for_faust()["driver"] == "rocksdict"
