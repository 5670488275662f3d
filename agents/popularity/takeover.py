"""Taking over the counts of partitions, from their rows, before their first chunk."""

import asyncio
from collections.abc import Iterable
from itertools import islice

from agents.popularity.own_popularity import POPULARITY_PREFIX, OwnPopularity
from agents.users.ownership import Ownership
from tables.batch_table import BatchTable

_ROWS_AT_ONCE = 2_000
"""Taken over between two looks at queries."""


async def take_counts_over(
    own: OwnPopularity, table: BatchTable, ownership: Ownership, partitions: Iterable[int]
) -> None:
    """Load the counts of partitions whose tables are complete; the publisher waits meanwhile.

    The first ones of a generation come in place of all. Rows that cannot be read are set aside.
    """
    async with ownership.turn(ownership.generation):
        if not ownership.running:
            own.clear()
        for partition in partitions:
            own.begin(partition)
            rows = table.scan(partition, POPULARITY_PREFIX)
            while part := list(islice(rows, _ROWS_AT_ONCE)):
                for key, row, error in own.load(partition, part):
                    table.set_row_aside(partition, key, row, error)
                await asyncio.sleep(0)
