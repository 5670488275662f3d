"""A table on a real RocksDB, as Faust opens it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import faust
import pytest

from tables.batch_table import BatchTable


@pytest.fixture
def make_table(tmp_path: Path) -> Iterator[Callable[[], BatchTable]]:
    """Make a new, empty table with one open partition."""
    made: list[BatchTable] = []

    def make() -> BatchTable:
        folder = tmp_path / str(len(made))
        app = faust.App("test", store="rocksdb://", datadir=folder, Table=BatchTable, autodiscover=False)
        table = app.Table("users", key_type=bytes, value_type=bytes, partitions=1)
        assert isinstance(table, BatchTable)
        (folder / "v1" / "tables").mkdir(parents=True)
        table.open(0)
        made.append(table)
        return table

    yield make
    for table in made:
        table.data._dbs.clear()  # type: ignore[attr-defined]
