"""Checking a partition's rows in the background, and dropping what is remembered of old tombstones."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.changelog import table_flusher
from agents.changelog.table_flusher import check_partition, current_partitions, purge_partition
from tables.applied_offset import APPLIED_OFFSET
from tables.batch_table import BatchTable
from tables.errors import PartitionCorrupt, RowCorrupt
from tables.partition_writer import notice_others, settle_partition
from tables.rows_aside import aside_key
from tables.tombstones import TOMBSTONES_KEPT_MS, tombstone_key, tombstone_row
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


def test_current_is_what_has_all_of_the_changelog(make_table: Callable[[], BatchTable]) -> None:
    """One where records of others were not looked at is not: tombstones among them may be gone in a day."""
    table = make_table()
    table.commit(0, {b"ann": APPLIED_OFFSET.pack(6)}, 9)
    table.running.add(0)
    table.complete_standbys.add(3)
    assert current_partitions(table) == {0, 3}
    notice_others(table, 0, 12)
    assert current_partitions(table) == {3}
    settle_partition(table, 0, settled=range(10, 12))
    assert current_partitions(table) == {0, 3}


async def test_tombstones_stay_while_older_rows_may_lie_where_nobody_looked(
    make_table: Callable[[], BatchTable],
) -> None:
    table, gone = make_table(), tombstone_key(b"ann")
    table.commit(0, {gone: tombstone_row(6, 0)}, 9)
    notice_others(table, 0, 12)
    await purge_partition(table, 0)
    assert table.read(0, gone) is not None
    settle_partition(table, 0, settled=range(10, 12))
    await purge_partition(table, 0)
    assert table.read(0, gone) is None


async def test_a_partition_that_went_elsewhere_is_let_go(tmp_path: Path) -> None:
    fill(tmp_path)
    table, heard = open_table(tmp_path)
    close_table(table)
    await check_partition(table, 0)
    assert heard.errors == []


async def test_what_is_remembered_of_tombstones_is_purged_after_a_day(
    make_table: Callable[[], BatchTable], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_flusher, "_PAUSE_SECONDS", 0.0)
    table, now_ms = make_table(), int(time.time() * 1000)
    old = [tombstone_key(b"old%d" % number) for number in range(450)]
    new = [tombstone_key(b"new%d" % number) for number in range(450)]
    table.commit(0, dict.fromkeys(old, tombstone_row(1, now_ms - TOMBSTONES_KEPT_MS - 60_000)), 1)
    table.commit(0, dict.fromkeys(new, tombstone_row(1, now_ms - TOMBSTONES_KEPT_MS + 3_600_000)), 2)
    await purge_partition(table, 0)
    assert table.read_many(0, old) == [None] * len(old)
    assert all(table.read_many(0, new))
    await purge_partition(table, 1)  # which is not open: it went elsewhere


async def test_what_is_kept_of_rows_that_cannot_be_read_is_purged_after_a_week(
    make_table: Callable[[], BatchTable], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_flusher, "_PAUSE_SECONDS", 0.0)
    table, week_ms = make_table(), 7 * 24 * 3600 * 1000
    now = time.time()
    old, new = [b"old%d" % number for number in range(25)], [b"new%d" % number for number in range(25)]
    for keys, age_ms in ((old, week_ms + 60_000), (new, week_ms - 3_600_000)):
        monkeypatch.setattr(time, "time", lambda age_ms=age_ms: now - age_ms / 1000)
        for key in keys:
            table.set_row_aside(0, key, b"bad", RowCorrupt("cut"))
        monkeypatch.setattr(time, "time", lambda: now)
    table.commit(0, {aside_key(b"torn"): b"abc"}, 9)
    notice_others(table, 0, 12)  # which only tombstones wait for
    await purge_partition(table, 0)
    assert table.read_many(0, [aside_key(key) for key in (*old, b"torn")]) == [None] * (len(old) + 1)
    assert all(table.read_many(0, [aside_key(key) for key in new]))
