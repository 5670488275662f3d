"""Looking at a stopped partition's folder: each row is there, is what this code writes, and no newer than it may be."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rocksdict import AccessType, Options, Rdict

from tables.applied_offset import (
    APPLIED_OFFSET,
    CHANGELOG_OFFSET_KEY,
    CURRENT_AT_KEY,
    HIGHEST_APPLIED_OFFSET_KEY,
    applied_offset_of,
    believed_offset,
    is_replicated,
)
from tables.errors import NewerFormat, PartitionError, RowCorrupt
from tables.extent import LANDED_KEY
from tables.partition_folders import condemned, partition_error, since_ms
from tables.position import POSITION_KEY, Position
from tables.rows_aside import ASIDE_PREFIX

MAX_PROBLEMS = 20
"""Named of one partition; the rest is counted."""


@dataclass(slots=True)
class PartitionReport:
    """What a partition's folder holds.

    Parameters
    ----------
    partition : which one.
    rows : of the changelog, read and decoded.
    misplaced : users among them whom the partitioner puts elsewhere; they are no problem of the folder.
    next_offset : of the source, None before the first event.
    changelog_offset : the last one that it holds, -1 for none.
    known_offset : the last one that it knows of; its worker's own records may lie beyond what it holds.
    away_ms : how long ago it had all of the changelog, None where nothing says it.
    unreadable : rows that cannot be read, each a problem: a worker takes them for missing.
    kept_aside : what a worker keeps of such rows, also of those that were replaced meanwhile.
    problems : what is wrong, at most `MAX_PROBLEMS` sentences, and `more`, the number of those left out.
    """

    partition: int
    rows: int = 0
    misplaced: int = 0
    next_offset: int | None = None
    changelog_offset: int = -1
    known_offset: int = -1
    away_ms: int | None = None
    unreadable: int = 0
    kept_aside: int = 0
    problems: list[str] = field(default_factory=list)
    more: int = 0

    def add(self, problem: str) -> None:
        """Note something that is wrong."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)
        else:
            self.more += 1


class StoredPartition:
    """A stopped partition's database, open for reading.

    Parameters
    ----------
    database : open.
    folder : where it is, for messages.
    """

    def __init__(self, database: Rdict, folder: Path) -> None:
        self._database = database
        self._folder = folder

    def get(self, key: bytes) -> bytes | None:
        """Return a row; raises `PartitionError`."""
        try:
            return self._database.get(key)
        except Exception as error:
            raise partition_error(self._folder, error) from error

    def count(self, prefix: bytes) -> int:
        """Return how many keys begin with `prefix`; raises `PartitionError`."""
        cursor, found = self._database.iter(), 0
        try:
            cursor.seek(prefix)
            while cursor.valid() and cursor.key().startswith(prefix):
                found += 1
                cursor.next()
            cursor.status()
        except Exception as error:
            raise partition_error(self._folder, error) from error
        finally:
            del cursor
        return found

    def rows(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield every row of the changelog in key order, checksums checked; raises `PartitionError`."""
        cursor = self._database.iter()
        try:
            cursor.seek_to_first()
            while cursor.valid():
                key = cursor.key()
                if is_replicated(key):
                    yield key, cursor.value()
                cursor.next()
            cursor.status()
        except Exception as error:
            raise partition_error(self._folder, error) from error
        finally:
            del cursor


@contextmanager
def open_stopped(folder: Path) -> Iterator[StoredPartition]:
    """Open a partition's folder for reading; it stays as it is. Raises `PartitionError`."""
    try:
        database = Rdict(str(folder), options=Options(raw_mode=True), access_type=AccessType.read_only())
    except Exception as error:
        raise partition_error(folder, error) from error
    try:
        yield StoredPartition(database, folder)
    finally:
        database.close()


def check_partition(
    partition: int, folder: Path, check_row: Callable[[bytes, bytes], None], seen: Callable[[bytes, bytes], None]
) -> PartitionReport:
    """Read a partition's folder from end to end: checksums, formats, and that no row is ahead of the position.

    Parameters
    ----------
    partition, folder : what to look at; no worker may run on it.
    check_row : raises `RowCorrupt` for a row that is not what is written under its key.
    seen : is given each row.

    Memory is that of a few blocks; 3 us a row of 3 kB and what `check_row` and `seen` take.
    """
    report = PartitionReport(partition)
    if (why := condemned(folder)) is not None:
        report.add(f"a worker left it to be set aside at its next start: {why}")
    try:
        with open_stopped(folder) as stored:
            limit = _read_head(stored, report)
            report.kept_aside = stored.count(ASIDE_PREFIX)
            for key, row in stored.rows():
                report.rows += 1
                seen(key, row)
                _check_row(report, key, row, limit, check_row)
    except PartitionError as error:
        report.add(str(error))
    if report.rows and report.changelog_offset < 0:
        report.add("there are rows, but no offset of the changelog")
    return report


def _read_head(stored: StoredPartition, report: PartitionReport) -> int | None:
    """Read position and changelog offset; return what no applied offset may exceed, None where nothing says it."""
    offset, row, highest = map(stored.get, (CHANGELOG_OFFSET_KEY, POSITION_KEY, HIGHEST_APPLIED_OFFSET_KEY))
    report.away_ms = since_ms(stored.get(CURRENT_AT_KEY))
    limits: list[int] = []
    if offset is not None:
        try:
            report.changelog_offset = int(offset)
            landed = stored.get(LANDED_KEY)
            report.known_offset = max(report.changelog_offset, -1 if landed is None else int(landed))
        except ValueError:
            report.add(f"{offset!r} is in the place of the changelog's offset")
    if row is not None:
        try:
            report.next_offset = Position.decode(row).next_offset
            limits.append(report.next_offset)
        except RowCorrupt as error:
            report.add(str(error))
    if (
        highest is not None and len(highest) == APPLIED_OFFSET.size
    ):  # a recovery that has not ended is ahead of the position
        limits.append(applied_offset_of(highest))
    return max(limits, default=None)


def _check_row(
    report: PartitionReport, key: bytes, row: bytes, limit: int | None, check_row: Callable[[bytes, bytes], None]
) -> None:
    try:
        applied_offset = believed_offset(row)
        check_row(key, row)
    except RowCorrupt as error:
        report.unreadable += not isinstance(error, NewerFormat)
        report.add(f"row {key!r}: {error}")
        return
    if limit is not None and applied_offset > limit:
        report.add(f"row {key!r}: its applied offset {applied_offset} is ahead of the position {limit}")
