"""Checkpoints of a worker that runs: copies of its partitions' databases, below its data folder."""

import asyncio
import shutil
from pathlib import Path

from agents.users.own_partitions import OwnPartitions
from tables.checkpoint import UNFINISHED, begin_checkpoint, finish_checkpoint, write_checkpoint
from tables.data_folder import Mark, partition_folder
from tables.errors import ForeignFolder
from tables.extent import Extent
from tables.numbered_names import next_name, numbered

KEPT_CHECKPOINTS = 2
"""The disk keeps files for each that the table has replaced long since."""


class Checkpointing:
    """Writes checkpoints, one at a time.

    Parameters
    ----------
    own : what is copied: the partitions that run, each in a turn.
    data : the worker's data folder.
    mark : whose it is.
    """

    def __init__(self, own: OwnPartitions, data: Path, mark: Mark) -> None:
        self._table = own.table
        self._ownership = own.ownership
        self._data = data
        self._mark = mark
        self._one_at_a_time = asyncio.Lock()

    async def take(self) -> tuple[Path, list[int]]:
        """Write a checkpoint; return its folder and the partitions in it, and delete the oldest beyond the bound.

        Which is oldest their numbers say; only what this method made is deleted, and never the one just made. A
        partition that is given away meanwhile is left out. The event loop stands still for each one while RocksDB puts
        what it has in memory into files: some tens of ms for 10 MB.

        Raises
        ------
        StateUnusable
            When RocksDB cannot write it; nothing of it stays.
        """
        async with self._one_at_a_time:
            checkpoints = self._data / "checkpoints"
            folder = checkpoints / next_name(checkpoints, suffixes=(UNFINISHED,))
            for interrupted in numbered(checkpoints, suffix=UNFINISHED):
                shutil.rmtree(interrupted)
            unfinished = begin_checkpoint(folder)
            try:
                partitions = await self._copy_all(unfinished)
                finish_checkpoint(unfinished, folder, self._mark)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
            for older in [path for path in numbered(checkpoints) if self._is_own(path)][:-KEPT_CHECKPOINTS]:
                shutil.rmtree(older)
            return folder, partitions

    def _is_own(self, folder: Path) -> bool:
        try:
            return Mark.read(folder) == self._mark
        except (ForeignFolder, NotADirectoryError):
            return False

    async def _copy_all(self, folder: Path) -> list[int]:
        copied = []
        for partition in sorted(self._ownership.running):
            async with self._ownership.turn(self._ownership.generation):
                database = self._table.database(partition)
                if database is None or partition not in self._ownership.running:
                    continue
                if not Extent.read(self._table, partition).unseen:
                    self._table.note_current([partition])
                write_checkpoint(database, folder / partition_folder(self._data, partition).name)
                copied.append(partition)
        return copied
