"""Checking a partition's rows in the background."""

from pathlib import Path

import pytest

from agents.changelog.table_flusher import check_partition
from tables.errors import PartitionCorrupt
from tests.support.partition_folders import close_table, fill, open_table
from tests.support.torn_files import flip_rows


async def test_a_rotten_row_that_nobody_asks_for_is_found(tmp_path: Path) -> None:
    folder = fill(tmp_path)
    table, heard = open_table(tmp_path)
    await check_partition(table, 0)
    assert heard.errors == []
    close_table(table)
    flip_rows(folder)
    table, heard = open_table(tmp_path)
    with pytest.raises(PartitionCorrupt):
        await check_partition(table, 0)
    assert len(heard.errors) == 1
    close_table(table)


async def test_a_partition_that_went_elsewhere_is_let_go(tmp_path: Path) -> None:
    fill(tmp_path)
    table, heard = open_table(tmp_path)
    close_table(table)
    await check_partition(table, 0)
    assert heard.errors == []
