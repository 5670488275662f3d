"""The table's databases in a folder, opened as Faust does, and brought to the end of a changelog."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tables.batch_table import BatchTable
from tables.replay import Replay
from tests.support.event_path.changelog_log import Log
from tests.support.event_path.source_records import PARTITIONS
from tests.support.real_tables import new_table


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[BatchTable]:
    """Open a table's databases in a folder, as Faust does, and close them."""
    table = new_table(folder, PARTITIONS)
    for at in range(PARTITIONS):
        table.open(at)
    yield table
    table.data._dbs.clear()  # type: ignore[attr-defined]


def recover(table: BatchTable, log: Log, *, compacted: bool) -> None:
    """Bring a table to the end of the changelog."""
    for at, written in log.records.items():
        replay = Replay(table, at)
        records = log.compacted(at) if compacted else written
        replay.apply([one for one in records if one.offset >= replay.next_offset], len(written))
