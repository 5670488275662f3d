"""Torn and rotten partition folders: told from a failing disk, set aside, and begun again.

The changelog holds every row, so a folder that cannot be believed is not repaired but replaced: it is renamed, an
empty database takes its place, and recovery fills it. What a running process finds out about a folder it writes into
a marker beside it, the *condemnation*, which the next opening obeys: an open database cannot be taken away safely.

RocksDB reports through rocksdict, which raises plain `Exception`s that differ in their text alone.
"""

import errno
import os
import re
import shutil
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rocksdict import Rdict

from tables.applied_offset import APPLIED_OFFSET, CHANGELOG_OFFSET_KEY, CURRENT_AT_KEY, HIGHEST_APPLIED_OFFSET_KEY
from tables.errors import (
    DiskFailed,
    NewerFormat,
    OutOfFiles,
    PartitionCorrupt,
    PartitionError,
    PartitionLocked,
    RowCorrupt,
)
from tables.extent import LANDED_KEY
from tables.intrusions import INTRUSIONS_KEY, decode_intrusions
from tables.numbered_names import next_name, numbered
from tables.position import POSITION_KEY, Position
from tables.whole_files import sync_folder, write_durably

KEPT_ASIDE = 1
"""Folders set aside of each partition: the last one tells what happened, and the disk holds at most twice the table."""
MAX_AWAY_MS = 23 * 3600 * 1000
"""A database that was not current for so long may lack tombstones for ever: Kafka keeps them for a day
(`delete.retention.ms`), and when it was current is written once an hour."""
MAX_AHEAD_MS = 5 * 60 * 1000
"""How far ahead of the clock the time may be at which a database was current; a clock that is set moves it so far."""
CURRENT_AT = struct.Struct("<q")
_ASIDE, _CONDEMNED = ".bad-", ".condemned"
_LOCKED = ("lock hold by current process", "While lock file")
_MISSING = os.strerror(errno.ENOENT)
_OUT_OF_FILES = {errno.EMFILE: os.strerror(errno.EMFILE), errno.ENFILE: os.strerror(errno.ENFILE)}
_FROM_RUST = re.compile(r"\(os error (\d+)\)")
_NOT_THE_DISK = frozenset({errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.EISDIR})


@dataclass(frozen=True, slots=True)
class SetAside:
    """A folder that was set aside: where it was, where it is now (None if nothing was there), and what was found."""

    folder: Path
    kept: Path | None
    found: str


def partition_error(folder: Path, error: Exception) -> PartitionError:
    """Return what an error of RocksDB, or of a file operation, means for a partition's folder."""
    if isinstance(error, PartitionError):
        return error
    text = str(error)
    said = f"{folder}: {' '.join(text.split())}"
    if any(words in text for words in _LOCKED):
        return PartitionLocked(said)
    from_rust = _FROM_RUST.search(text)
    number = error.errno if isinstance(error, OSError) else int(from_rust[1]) if from_rust else None
    if number in _OUT_OF_FILES or any(words in text for words in _OUT_OF_FILES.values()):
        return OutOfFiles(said)
    if number is not None:
        return PartitionCorrupt(said) if number in _NOT_THE_DISK else DiskFailed(said)
    if "IO error" in text and _MISSING not in text:  # RocksDB wraps some of them into corruptions
        return DiskFailed(said)
    if text.startswith(("Corruption", "IO error")) or isinstance(error, RowCorrupt):
        return PartitionCorrupt(said)
    return PartitionError(said)


def condemn(folder: Path, found: str) -> None:
    """Leave word beside a folder that the next opening must set it aside; the words survive a power cut."""
    write_durably(_condemnation(folder), found.encode())


def condemned(folder: Path) -> str | None:
    """Return why a folder is condemned, or None."""
    with suppress(FileNotFoundError):
        return _condemnation(folder).read_text(errors="replace")
    return None


def open_whole(
    folder: Path, open_database: Callable[[Path], Rdict], was_set_aside: Callable[[SetAside], None]
) -> Rdict:
    """Open a partition's database, or an empty one in its place if the folder cannot be believed.

    Costs five gets and two steps of an iterator more than opening; rows are not read. A folder that went back to an
    older state, as a cut MANIFEST does, is as good as any: its own changelog offset tells what it lacks.

    Raises
    ------
    PartitionLocked
        When the folder is open elsewhere.
    OutOfFiles
        When one more file may not be opened.
    DiskFailed
        When the disk cannot be read or written.
    PartitionError
        When not even an empty database opens.
    NewerFormat
        When a later release wrote its position; the folder stays as it is.
    """
    found = condemned(folder)
    if found is None:
        try:
            return _believable(folder, open_database(folder))
        except NewerFormat as error:
            raise NewerFormat(f"{folder}: {error}") from error
        except Exception as error:
            meant = partition_error(folder, error)
            if isinstance(meant, PartitionLocked | OutOfFiles | DiskFailed):
                raise meant from error
            found = str(meant)
    try:
        kept = set_aside(folder)
        was_set_aside(SetAside(folder, kept, found))
        return open_database(folder)
    except Exception as error:
        raise partition_error(folder, error) from error


def set_aside(folder: Path) -> Path | None:
    """Rename a folder, keep `KEPT_ASIDE` of its kind, and lift its condemnation; return its new name, if it was there.

    A process that ends in between leaves either the folder and its condemnation, or no folder.
    """
    kept = folder.with_name(next_name(folder.parent, folder.name + _ASIDE))
    was_there = folder.exists()
    if was_there:
        folder.rename(kept)
    sync_folder(folder.parent)
    _condemnation(folder).unlink(missing_ok=True)
    for older in folders_aside(folder)[:-KEPT_ASIDE]:
        if older.is_dir():
            shutil.rmtree(older, ignore_errors=True)  # what cannot be deleted is in nobody's way
        else:
            older.unlink(missing_ok=True)
    return kept if was_there else None


def folders_aside(folder: Path) -> list[Path]:
    """Return what `set_aside` made of a partition's folder, oldest first; other names are somebody else's."""
    return numbered(folder.parent, folder.name + _ASIDE)


def _condemnation(folder: Path) -> Path:
    return folder.with_name(folder.name + _CONDEMNED)


def _believable(folder: Path, database: Rdict) -> Rdict:
    """Return the database; closes it and raises `PartitionCorrupt` when what every commit writes is not there."""
    try:
        offset, position = database.get(CHANGELOG_OFFSET_KEY), database.get(POSITION_KEY)
        if (offset is None) == _has_rows(database):
            raise PartitionCorrupt(
                f"{folder}: rows without the offset of the changelog that they reach"
                if offset is None
                else f"{folder}: the changelog up to offset {offset!r}, and not a row of it"
            )
        if offset is not None and not offset.removeprefix(b"-").isdigit():
            raise PartitionCorrupt(f"{folder}: {offset!r} in the place of a changelog offset")
        if position is not None:
            Position.decode(position)
        decode_intrusions(database.get(INTRUSIONS_KEY))
        landed = database.get(LANDED_KEY)
        if landed is not None and not landed.isdigit():
            raise PartitionCorrupt(f"{folder}: {landed!r} in the place of the last offset that is accounted for")
        highest = database.get(HIGHEST_APPLIED_OFFSET_KEY)
        if highest is not None and len(highest) != APPLIED_OFFSET.size:
            raise PartitionCorrupt(f"{folder}: {highest!r} in the place of the highest applied offset")
        away_ms = since_ms(database.get(CURRENT_AT_KEY))
        if (doubt := doubt_of(away_ms)) is not None:
            raise PartitionCorrupt(f"{folder}: {doubt}")
    except Exception:
        database.close()
        raise
    return database


def doubt_of(away_ms: int | None) -> str | None:
    """Return why a database that was current so many ms ago must not be believed, None where it may be.

    One that was current in the future was so by a clock that was ahead: nobody knows how long ago that is.
    """
    if away_ms is None or -MAX_AHEAD_MS <= away_ms <= MAX_AWAY_MS:
        return None
    if away_ms < 0:
        return (
            f"it had all of the changelog at a time that is {-away_ms / 3_600_000:.1f} hours ahead of this clock, so "
            "nobody knows how long ago that is, and tombstones since may be gone from there"
        )
    return (
        f"it last had all of the changelog {away_ms / 3_600_000:.0f} hours ago, and tombstones since may be gone from "
        "there"
    )


def since_ms(row: bytes | None) -> int | None:
    """Return how many ms ago a database was current by its row of that, below 0 by a clock that was ahead since.

    None where nothing says it.
    """
    return None if row is None or len(row) != CURRENT_AT.size else int(time.time() * 1000) - CURRENT_AT.unpack(row)[0]


def _has_rows(database: Rdict) -> bool:
    cursor = database.iter()
    try:
        cursor.seek_to_first()
        if cursor.valid() and cursor.key() == CHANGELOG_OFFSET_KEY:
            cursor.next()
        found = bool(cursor.valid())
        cursor.status()
    finally:
        del cursor  # an error would keep it, and it would keep the database open
    return found
