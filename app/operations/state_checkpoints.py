"""Checkpoints of a stopped worker, and filling an empty data folder from one."""

from pathlib import Path

from app.operations.state_check import check_row
from tables.checkpoint import copy_stopped, restore
from tables.data_folder import Mark, lock_existing, lock_folder
from tables.errors import StateUnusable
from tables.partition_check import check_partition
from tables.partition_folders import doubt_of


def checkpoint_stopped(data: Path, destination: Path, mark: Mark) -> list[int]:
    """Write a checkpoint of a data folder on which no worker runs; return its partitions.

    Raises
    ------
    TableError
        When the folder is in use, is another application's, holds nothing, or cannot be read.
    """
    with lock_existing(data):
        return copy_stopped(data, destination, mark)


def restore_stopped(source: Path, data: Path, mark: Mark) -> list[int]:
    """Fill an empty data folder from a checkpoint, every row checked on the way; return its partitions.

    Raises
    ------
    TableError
        When either is not what it must be; the data folder holds no rows then.
    """
    with lock_folder(data):
        return restore(source, data, mark, _check_copy)


def _check_copy(partition: int, folder: Path) -> None:
    report = check_partition(partition, folder, check_row, lambda key, row: None)
    if report.problems:
        raise StateUnusable(f"partition {partition} of the checkpoint is not sound: {report.problems[0]}")
    if (doubt := doubt_of(report.away_ms)) is not None:
        raise StateUnusable(
            f"partition {partition} of the checkpoint: {doubt}. Kafka keeps them for a day, so rows that were removed "
            "since could come back; keep it, and start with an empty folder, which reads the whole changelog"
        )
