"""Who hears of what is wrong with the table's folders and rows."""

from typing import Protocol

from tables.errors import NewerFormat, PartitionError
from tables.partition_folders import SetAside
from tables.rows_aside import RowAside


class TableWatch(Protocol):
    """Hears what is wrong with partitions' folders and rows, on whatever thread it was met."""

    def set_aside(self, found: SetAside) -> None:
        """Hear that a folder was set aside and an empty database is in its place."""

    def broken(self, error: PartitionError) -> None:
        """Hear of an error that the process must not outlive; a rotten folder is condemned already."""

    def row_set_aside(self, found: RowAside) -> None:
        """Hear of a row that cannot be read and is taken for missing."""

    def too_new(self, error: NewerFormat) -> None:
        """Hear of a row that a later release wrote, with the partition; this process must not outlive it."""


class Unwatched:
    """Leaves it to whoever called the table to hear of errors."""

    def set_aside(self, found: SetAside) -> None:
        """Do nothing."""

    def broken(self, error: PartitionError) -> None:
        """Do nothing; the error is raised."""

    def row_set_aside(self, found: RowAside) -> None:
        """Do nothing; the row is kept."""

    def too_new(self, error: NewerFormat) -> None:
        """Do nothing; the error is raised."""
