"""Partition folders as a worker leaves them, and ways in which they tear and rot."""

import gc
import random
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tables.applied_offset import APPLIED_OFFSET, CHANGELOG_OFFSET_KEY, LOCAL
from tables.batch_table import BatchTable
from tables.errors import PartitionError
from tables.position import POSITION_KEY, Position
from tables.repair import SetAside
from tables.replay import Replay
from tests.real_tables import new_table

GENERATIONS = 3
USERS = 1500


class Heard:
    """A watch that remembers."""

    def __init__(self) -> None:
        self.aside: list[SetAside] = []
        self.errors: list[PartitionError] = []

    def set_aside(self, found: SetAside) -> None:
        self.aside.append(found)

    def broken(self, error: PartitionError) -> None:
        self.errors.append(error)


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the changelog."""

    offset: int
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def changelog() -> list[Record]:
    """Everything that was ever written: each generation changes a third of the users, adds some, removes one."""
    chance, records = random.Random(7), list[Record]()
    for generation in range(GENERATIONS):
        rows: dict[bytes, bytes | None] = {
            b"u%06d" % number: APPLIED_OFFSET.pack(generation * 10_000 + number) + chance.randbytes(200)
            for number in range(USERS + 50 * generation)
            if generation == 0 or chance.random() < 0.3 or number >= USERS
        }
        rows[b"u%06d" % generation] = None
        rows[POSITION_KEY] = Position((generation + 1) * 10_000, generation).encode()
        records += [Record(len(records) + at, key, value) for at, (key, value) in enumerate(rows.items())]
    return records


CHANGELOG = changelog()


def held_at(offset: int) -> dict[bytes, bytes]:
    """Return the rows that the changelog up to and with an offset comes to."""
    rows: dict[bytes, bytes] = {}
    for record in CHANGELOG[: offset + 1]:
        if record.value is None:
            rows.pop(record.key, None)
        else:
            rows[record.key] = record.value
    return rows


def open_table(folder: Path) -> tuple[BatchTable, Heard]:
    """Return a table with partition 0 open, and what hears of its errors."""
    table = new_table(folder, 1, options={"driver": "rocksdict"})
    heard = Heard()
    table.watch = heard
    table.open(0)
    return table, heard


def close_table(table: BatchTable) -> None:
    """Close its databases, as Faust does."""
    table.data._dbs.clear()  # type: ignore[attr-defined]
    gc.collect()


def stored(table: BatchTable) -> dict[bytes, bytes]:
    """Return the rows of partition 0 that are of the changelog."""
    return {key: row for key, row in table.scan(0, b"") if key != CHANGELOG_OFFSET_KEY and not key.startswith(LOCAL)}


def replay(table: BatchTable, records: Iterable[Record] = ()) -> None:
    """Bring partition 0 to the end of the changelog, or put in `records`."""
    replayed = Replay(table, 0)
    given = list(records) or CHANGELOG[replayed.next_offset :]
    if given:
        replayed.apply(given, given[-1].offset + 1)


def fill(folder: Path) -> Path:
    """Make the table in a data folder, one file of rows a generation; returns the partition's folder."""
    table, _ = open_table(folder)
    ends = [number for number, record in enumerate(CHANGELOG) if record.key == POSITION_KEY]
    begin = 0
    for end in ends:
        replay(table, CHANGELOG[begin : end + 1])
        database = table.database(0)
        assert database is not None
        database.flush()
        begin = end + 1
    del database
    close_table(table)
    return folder / "v1" / "tables" / "users-0.db"


def newest(folder: Path) -> Path:
    """Return the newest file of rows."""
    return max(folder.glob("*.sst"))


def manifest(folder: Path) -> Path:
    """Return the MANIFEST in use."""
    return folder / (folder / "CURRENT").read_text().strip()


def cut(path: Path, kept: float) -> None:
    """Keep the first part of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])


def flip(path: Path, at: int) -> None:
    """Flip one bit of a file."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def flip_rows(folder: Path) -> None:
    """Flip a bit in the rows of users, which opening does not look at."""
    flip(newest(folder), newest(folder).stat().st_size // 2)


def _become_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_bytes(b"?")


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


Tear = Callable[[Path], object]

SET_ASIDE: dict[str, Tear] = {
    "CURRENT empty": lambda folder: (folder / "CURRENT").write_bytes(b""),
    "CURRENT missing": lambda folder: (folder / "CURRENT").unlink(),
    "CURRENT names nothing": lambda folder: (folder / "CURRENT").write_bytes(b"MANIFEST-999999\n"),
    "MANIFEST empty": lambda folder: cut(manifest(folder), 0),
    "MANIFEST missing": lambda folder: manifest(folder).unlink(),
    "SST cut": lambda folder: cut(newest(folder), 0.5),
    "SST empty": lambda folder: cut(newest(folder), 0),
    "SST missing": lambda folder: newest(folder).unlink(),
    "SST without its footer's number": lambda folder: flip(newest(folder), -5),
    "first block flipped": lambda folder: flip(newest(folder), 100),
    "a file in the folder's place": _become_a_file,
}
"""Opening refuses the folder, or does not believe it."""

OLDER: dict[str, Tear] = {
    "MANIFEST without its last tenth": lambda folder: cut(manifest(folder), 0.9),
    "MANIFEST cut in the middle": lambda folder: cut(manifest(folder), 0.6),
    "MANIFEST cut before its first file": lambda folder: cut(manifest(folder), 0.3),
    "nothing but the folder": _empty,
}
"""Opening finds an older state, down to an empty one."""

HARMLESS: dict[str, Tear] = {
    "OPTIONS empty": lambda folder: cut(next(folder.glob("OPTIONS-*")), 0),
    "IDENTITY empty": lambda folder: cut(folder / "IDENTITY", 0),
    "LOG missing": lambda folder: (folder / "LOG").unlink(),
}
"""Opening needs none of it."""
