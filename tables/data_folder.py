"""A worker's data folder: one process at a time works on it, and only of the application that it was made for.

A mark in it says whose it is. The tables of another application, or of another number of partitions, would be taken
for this one's: their source positions and changelog offsets are just numbers.
"""

import fcntl
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from tables.errors import FolderInUse, ForeignFolder, StateUnusable
from tables.whole_files import write_durably

_MARK = "folder.json"
_FORMAT = 1
_TABLES = Path("v1", "tables")
"""Where Faust keeps the tables of an application of version 1."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The owner of a data folder or a checkpoint.

    Parameters
    ----------
    app_id : the application id of the settings.
    partitions : N, the same for source, table and changelog.
    format : of everything in the folder.
    """

    app_id: str
    partitions: int
    format: int = _FORMAT

    def write(self, folder: Path) -> None:
        """Put the mark into a folder, durably."""
        write_durably(folder / _MARK, json.dumps(asdict(self)).encode() + b"\n")

    @classmethod
    def read(cls, folder: Path) -> "Mark | None":
        """Return the mark of a folder, None where there is none; raises `ForeignFolder` for one that says nothing."""
        try:
            return cls(**json.loads((folder / _MARK).read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            raise ForeignFolder(
                f"{folder / _MARK} cannot be read, so nobody knows whose folder this is; move {folder} away, "
                f"or delete that file if you know that nothing else was ever kept there"
            ) from None

    def check(self, folder: Path) -> None:
        """Raise `ForeignFolder` unless a folder is marked so, or not at all."""
        found = Mark.read(folder)
        if found not in {None, self}:
            raise ForeignFolder(
                f"{folder} holds the {found}, not the {self}: give each its own folder with --data-dir, or move it away"
            )

    def __str__(self) -> str:
        return f"state of application {self.app_id} with {self.partitions} partitions (format {self.format})"


def lock_folder(folder: Path) -> IO[str]:
    """Make the folder and take its lock, which ends with the process; raises `FolderInUse` when it is taken."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (folder / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise FolderInUse(
            f"another worker runs on the data folder {folder}; give each worker its own with --data-dir"
        ) from None
    return lock


def lock_existing(folder: Path) -> IO[str]:
    """Take the lock of a stopped worker's folder; raises `StateUnusable` when there is none, and `FolderInUse`."""
    if not folder.is_dir():
        raise StateUnusable(f"{folder} is no folder; --data-dir names the data folder of a worker")
    return lock_folder(folder)


def claim_folder(folder: Path, mark: Mark) -> None:
    """Mark a folder as one's own, once; raises `ForeignFolder` when it is another's."""
    mark.check(folder)
    if Mark.read(folder) is None:
        mark.write(folder)


def partition_folder(folder: Path, partition: int) -> Path:
    """Return where the database of a partition of the users table is."""
    return folder / _TABLES / f"users-{partition}.db"


def partition_folders(folder: Path, partitions: int) -> Iterator[tuple[int, Path]]:
    """Yield the partitions below `partitions` that have a database in a data folder, and where it is."""
    for partition in range(partitions):
        path = partition_folder(folder, partition)
        if path.exists():
            yield partition, path
