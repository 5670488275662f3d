"""Checkpoints of partitions that run, on a real RocksDB."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.changelog.checkpointing import KEPT_CHECKPOINTS, Checkpointing
from tables.applied_offset import APPLIED_OFFSET
from tables.batch_table import BatchTable
from tables.checkpoint import restore
from tables.data_folder import Mark, partition_folder
from tables.position import POSITION_KEY, Position
from tests.support.own_partitions import own_partitions

MARK = Mark("shop", 2)
NO_CHANGELOG: Any = None
"""Nothing is written here."""


@pytest.fixture
def table(make_table: Callable[[], BatchTable]) -> BatchTable:
    """A table whose partition 0 is open and has a row, in memory only."""
    made = make_table()
    made.commit(0, {b"ann": APPLIED_OFFSET.pack(6), POSITION_KEY: Position(7, 1).encode()}, 9)
    return made


async def test_a_copy_can_be_restored_and_holds_what_was_in_memory(table: BatchTable, tmp_path: Path) -> None:
    own = own_partitions(table, NO_CHANGELOG)
    own.ownership.start({0: 7})
    folder, partitions = await Checkpointing(own, tmp_path / "data", MARK).take()
    assert partitions == [0]
    assert folder.is_relative_to(tmp_path / "data")
    table.commit(0, {b"ann": None}, 10)  # what comes later is not in it
    target = tmp_path / "other"
    checked: list[int] = []
    assert restore(folder, target, MARK, lambda partition, _: checked.append(partition)) == [0] == checked
    table.data._dbs.clear()  # type: ignore[attr-defined]
    there = Path(table.data.partition_path(0))  # type: ignore[attr-defined]
    shutil.rmtree(there)
    shutil.copytree(partition_folder(target, 0), there)
    table.open(0)
    assert (table.read(0, b"ann"), table.position(0), table.changelog_offset(0)) == (
        APPLIED_OFFSET.pack(6),
        Position(7, 1),
        9,
    )


async def test_partitions_that_do_not_run_are_left_out_and_few_copies_stay(table: BatchTable, tmp_path: Path) -> None:
    checkpointing = Checkpointing(own_partitions(table, NO_CHANGELOG), tmp_path, MARK)
    taken = [await checkpointing.take() for _ in range(KEPT_CHECKPOINTS + 2)]
    assert all(partitions == [] for _, partitions in taken)
    assert sorted((tmp_path / "checkpoints").iterdir()) == [folder for folder, _ in taken[-KEPT_CHECKPOINTS:]]


async def test_the_new_copy_stays_when_others_are_dated_later_and_strangers_are_not_touched(
    table: BatchTable, tmp_path: Path
) -> None:
    checkpoints = tmp_path / "checkpoints"
    checkpointing = Checkpointing(own_partitions(table, NO_CHANGELOG), tmp_path, MARK)
    dated_later = []
    for number in range(KEPT_CHECKPOINTS):  # the clock was ahead when they were made
        folder, _ = await checkpointing.take()
        dated_later.append(folder.rename(checkpoints / f"20990101T000000.000000Z-{number + 1:06d}"))
    strangers = [checkpoints / name for name in ("latest", "notes.txt", "20300101T000000.000000Z-000001", "zz")]
    for stranger in strangers[2:]:
        stranger.mkdir()
    for stranger in strangers[:2]:
        stranger.write_text("mine")
    Mark("another-shop", 2).write(strangers[2])
    interrupted = checkpoints / "20260101T000000.000000Z-000003.unfinished"
    interrupted.mkdir()
    folder, _ = await checkpointing.take()
    assert {*checkpoints.iterdir()} == {folder, dated_later[-1], *strangers}
