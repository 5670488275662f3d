"""A table on a real RocksDB, as Faust opens it."""

import asyncio
import atexit
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import faust
import pytest

from tables.batch_table import BatchTable


@cache
def _no_loop() -> asyncio.AbstractEventLoop:
    """Return a loop that nobody runs: a fixture that is no coroutine has none, and newer Pythons make none for it."""
    made = asyncio.new_event_loop()
    atexit.register(made.close)
    return made


def new_table(folder: Path, partitions: int, app_id: str = "test", **more: Any) -> BatchTable:
    """Return the users' table of an app that is not started, stored in a folder; no partition is open."""
    app = faust.App(app_id, store="rocksdb://", datadir=folder, Table=BatchTable, autodiscover=False)
    made = app.Table("users", key_type=bytes, value_type=bytes, partitions=partitions, loop=_no_loop(), **more)
    assert isinstance(made, BatchTable)
    (folder / "v1" / "tables").mkdir(parents=True, exist_ok=True)
    return made


@pytest.fixture
def make_table(tmp_path: Path) -> Iterator[Callable[[], BatchTable]]:
    """Make a new, empty table with one open partition."""
    made: list[BatchTable] = []

    def make() -> BatchTable:
        table = new_table(tmp_path / str(len(made)), 1)
        table.open(0)
        made.append(table)
        return table

    yield make
    for table in made:
        table.data._dbs.clear()  # type: ignore[attr-defined]
