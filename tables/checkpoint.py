"""Checkpoints: a copy of a worker's databases that a start may begin with, instead of the whole changelog.

A checkpoint is a folder with a mark, put there last, and one RocksDB folder a partition. On one disk RocksDB links the
files instead of copying them, so it takes milliseconds and little room until the table has moved on.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from rocksdict import Checkpoint, Options, Rdict

from tables.data_folder import Mark, partition_folder, partition_folders
from tables.errors import StateUnusable
from tables.partition_folders import condemned, partition_error
from tables.whole_files import sync_folder

UNFINISHED = ".unfinished"
"""Behind the name of a checkpoint or a partition that is not whole yet."""


def write_checkpoint(database: Rdict, folder: Path) -> None:
    """Put a copy of an open database into a new folder, what is in memory included; raises `StateUnusable`."""
    try:
        Checkpoint(database).create_checkpoint(str(folder))
    except Exception as error:
        raise StateUnusable(f"RocksDB could not write the checkpoint {folder}: {error}") from error


def finish_checkpoint(unfinished: Path, folder: Path, mark: Mark) -> None:
    """Mark a folder of partitions and give it its name; from then on it is a checkpoint."""
    mark.write(unfinished)
    unfinished.rename(folder)
    sync_folder(folder.parent)


def begin_checkpoint(folder: Path) -> Path:
    """Return a new folder beside the one that is to be, in place of what an interrupted call left."""
    if folder.exists():
        raise StateUnusable(f"{folder} exists; a checkpoint goes into a folder of its own")
    unfinished = folder.with_name(folder.name + UNFINISHED)
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True, mode=0o700)
    return unfinished


def copy_stopped(data: Path, folder: Path, mark: Mark) -> list[int]:
    """Write a checkpoint of a stopped worker's data folder, whose lock the caller holds; return the partitions.

    Raises
    ------
    StateUnusable
        When there is nothing to copy, or a partition is condemned.
    PartitionError
        When a database does not open.
    """
    mark.check(data)
    found = list(partition_folders(data, mark.partitions))
    if not found:
        raise StateUnusable(f"{data} holds no partition of the users table; is it the data folder of a worker?")
    for partition, path in found:
        if (why := condemned(path)) is not None:
            raise StateUnusable(f"partition {partition} is to be set aside at the next start, so it is no copy: {why}")
    unfinished = begin_checkpoint(folder)
    for _, path in found:
        _copy_one(path, unfinished / path.name)
    finish_checkpoint(unfinished, folder, mark)
    return [partition for partition, _ in found]


def restore(source: Path, data: Path, mark: Mark, sound: Callable[[int, Path], None]) -> list[int]:
    """Fill an empty data folder, whose lock the caller holds, from a checkpoint; return the partitions.

    Parameters
    ----------
    source, data : from where to where.
    mark : whose both must be.
    sound : raises when the copy of a partition is not sound; nothing stays in the data folder then.

    Raises
    ------
    StateUnusable, ForeignFolder
        When one of them is not what it must be; nothing was copied then.
    """
    _check_source(source, mark)
    mark.check(data)
    if taken := [path for _, path in partition_folders(data, mark.partitions)]:
        raise StateUnusable(f"{data} is not empty, {taken[0].name} is there; move it away to restore a checkpoint")
    copies = [(partition, source / path.name, path) for partition, path in _named(source, data, mark.partitions)]
    for partition, saved, path in copies:
        copying = path.with_name(path.name + UNFINISHED)
        shutil.rmtree(copying, ignore_errors=True)
        shutil.copytree(saved, copying)
        sound(partition, copying)
    for _, _, path in copies:
        path.with_name(path.name + UNFINISHED).rename(path)
    mark.write(data)
    return [partition for partition, _, _ in copies]


def _check_source(source: Path, mark: Mark) -> None:
    if Mark.read(source) is None:
        raise StateUnusable(f"{source} is no checkpoint: the file that ends one, folder.json, is not there")
    mark.check(source)


def _named(source: Path, data: Path, partitions: int) -> list[tuple[int, Path]]:
    """Return the partitions that a checkpoint holds, and where they go."""
    places = [(partition, partition_folder(data, partition)) for partition in range(partitions)]
    return [(partition, path) for partition, path in places if (source / path.name).is_dir()]


def _copy_one(folder: Path, copy: Path) -> None:
    options = Options(raw_mode=True)
    options.create_if_missing(False)
    options.set_disable_auto_compactions(True)
    try:
        database = Rdict(str(folder), options=options)
    except Exception as error:
        raise partition_error(folder, error) from error
    try:
        write_checkpoint(database, copy)
    finally:
        database.close()
