"""Checking the state of a stopped worker: its folders row by row, and, if asked for, against the changelog."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from agents.kafka.connection import Connection
from agents.kafka.partitions import partitions_of
from agents.popularity.own_popularity import POPULARITY_PREFIX, decode_count
from agents.users.user_state import UserState
from app.operations.state_changelog import ChangelogRows, changelog_reader, digest_of
from tables.applied_offset import RESERVED
from tables.data_folder import Mark, partition_folders
from tables.errors import RowCorrupt
from tables.partition_check import PartitionReport, check_partition
from tables.position import POSITION_KEY, Position

_KEYS_AT_ONCE = 1_000
_SHOWN = 5
"""Keys that are named of those that differ."""


def check_row(key: bytes, row: bytes) -> None:
    """Raise `RowCorrupt` for a row that is not what this code writes under its key."""
    if key == POSITION_KEY:
        Position.decode(row)
    elif key.startswith(POPULARITY_PREFIX):
        decode_count(key, row)
    elif not key.startswith(RESERVED):
        try:
            key.decode()
        except UnicodeDecodeError as error:
            raise RowCorrupt(f"its key is not UTF-8: {error.reason}") from None
        UserState.decode(row)


class MisplacedCount:
    """Counts the users of a partition whom murmur2 of their id puts elsewhere.

    Parameters
    ----------
    partition, partitions : where they are, and N.
    """

    def __init__(self, partition: int, partitions: int) -> None:
        self._partition = partition
        self._partitions = partitions
        self._keys: list[bytes] = []
        self._total = 0

    def take(self, key: bytes) -> None:
        """Take the key of a row of any kind."""
        if not key.startswith(RESERVED):
            self._keys.append(key)
            if len(self._keys) == _KEYS_AT_ONCE:
                self.total()

    def total(self) -> int:
        """Return how many there are so far."""
        if self._keys:
            self._total += int((partitions_of(self._keys, self._partitions) != self._partition).sum())
            self._keys.clear()
        return self._total


async def check_state(data: Path, mark: Mark, changelog: tuple[Connection, str] | None) -> list[PartitionReport]:
    """Check every partition that a data folder holds; the caller holds its lock.

    Parameters
    ----------
    data, mark : the folder, and whose it must be; raises `ForeignFolder` when it is another's.
    changelog : brokers and topic to compare with, None to leave it.

    One partition at a time: of one that is compared, about 200 bytes a row are in memory.
    """
    mark.check(data)
    reports = []
    async with changelog_reader(*changelog) if changelog is not None else nullcontext() as reader:
        for partition, folder in partition_folders(data, mark.partitions):
            digests: dict[bytes, bytes] = {}

            misplaced = MisplacedCount(partition, mark.partitions)

            def keep(
                key: bytes,
                row: bytes,
                digests: dict[bytes, bytes] = digests,
                misplaced: MisplacedCount = misplaced,
            ) -> None:
                misplaced.take(key)
                if reader is not None:
                    digests[key] = digest_of(row)

            report = check_partition(partition, folder, check_row, keep)
            report.misplaced = misplaced.total()
            if reader is not None and not report.problems:
                compare(report, digests, await reader.read(partition, report.changelog_offset))
            reports.append(report)
    return reports


def compare(report: PartitionReport, stored: dict[bytes, bytes], changelog: ChangelogRows) -> None:
    """Note how a database's rows differ from what the changelog comes to at the offset that the database holds.

    A row that was written again later may be gone from the changelog, for that is compacted: it is not compared.
    """
    known = max(report.changelog_offset, report.known_offset) + 1
    if known > changelog.end:
        report.add(f"it knows the changelog up to offset {known}, but that ends at {changelog.end}")
        return
    keys = (stored.keys() | changelog.digests.keys()) - changelog.later
    missing = sorted(key for key in keys if key not in stored)
    foreign = sorted(key for key in keys if key not in changelog.digests)
    different = sorted(
        key for key in keys & stored.keys() & changelog.digests.keys() if _differ(key, stored, changelog)
    )
    for what, found in (
        ("rows of the changelog are missing", missing),
        ("rows are not in the changelog", foreign),
        ("rows are not those of the changelog", different),
    ):
        if found:
            report.add(f"{len(found)} {what}: {_named(found)}")


def _differ(key: bytes, stored: dict[bytes, bytes], changelog: ChangelogRows) -> bool:
    return stored[key] != changelog.digests[key]


def _named(keys: Sequence[bytes]) -> str:
    return ", ".join(map(repr, keys[:_SHOWN])) + (", ..." if len(keys) > _SHOWN else "")
