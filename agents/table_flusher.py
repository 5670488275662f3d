"""Putting the table into its files now and then, however little is written.

The table keeps no journal but the changelog, so a crash takes it back to its last flush, and what is in the changelog
since is replayed. Removals stay there for a day only (Kafka's `delete.retention.ms`): a table that was not flushed for
longer could come back with rows that were removed.
"""

import asyncio

from tables.fenced_table import FencedTable

_FLUSH_SECONDS = 3600.0


async def flush_regularly(table: FencedTable) -> None:
    """For ever: flush every open database of the table once an hour."""
    while True:
        await asyncio.sleep(_FLUSH_SECONDS)
        table.flush_databases()
