"""Partition folders as a worker leaves them: a table on a made-up changelog, and what hears of its errors."""

import gc
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tables.applied_offset import APPLIED_OFFSET, CHANGELOG_OFFSET_KEY, LOCAL
from tables.batch_table import BatchTable
from tables.errors import NewerFormat, PartitionError
from tables.partition_folders import SetAside
from tables.position import POSITION_KEY, Position
from tables.replay import Replay
from tables.rows_aside import RowAside
from tests.support.real_tables import new_table

GENERATIONS = 3
USERS = 1500


class Heard:
    """A watch that remembers."""

    def __init__(self) -> None:
        self.aside: list[SetAside] = []
        self.errors: list[PartitionError] = []
        self.rows_aside: list[RowAside] = []
        self.too_new_rows: list[NewerFormat] = []

    def set_aside(self, found: SetAside) -> None:
        self.aside.append(found)

    def broken(self, error: PartitionError) -> None:
        self.errors.append(error)

    def row_set_aside(self, found: RowAside) -> None:
        self.rows_aside.append(found)

    def too_new(self, error: NewerFormat) -> None:
        self.too_new_rows.append(error)


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
    heard = Heard()
    table = new_table(folder, 1, options={"driver": "rocksdict"}, watch=heard)
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
