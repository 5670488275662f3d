"""The own counts: plays and likes of the partitions that this worker holds.

The counts are rows of the users table, one for each (day, region, video), written in the same batch as the source
position, so a crash neither loses nor doubles one.
"""

import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from zlib import crc32

import msgspec

from agents.kafka.producer import Outgoing
from agents.popularity.metrics import PopularityMetrics
from agents.popularity.popularity import Share, ShareCounts
from models.feedback.events import Event
from models.feedback.popularity import counts_as_popular, event_day, event_region
from tables.applied_offset import MAX_APPLIED_OFFSET, RESERVED
from tables.errors import RowCorrupt

POPULARITY_PREFIX = RESERVED + b"popularity\0"
_DAY = struct.Struct(">i")
_DAY_SECONDS, _MAX_DAYS_AHEAD = 86_400, 366
_ROW = struct.Struct("<qI")
"""applied offset (source offset of the last event counted), count."""
_BUCKETS = 16
"""A day's videos are published in so many records, so that each stays far below the largest message."""
_MAX_VIDEOS_IN_SHARE = 3_500
"""Videos in a share: with the longest ids, so many fit into 1 MiB; a bound for producers that make up videos."""


_Counted = tuple[int, str, str]
"""Day, region and video: what one row counts."""


@dataclass(slots=True)
class _Count:
    """A row's count; `applied_offset` is the stored one, `newest` the one to store with the next write."""

    row_key: bytes
    share: Share
    count: int = 0
    applied_offset: int = -1
    newest: int = -1


@dataclass(slots=True)
class _Partition:
    """What is counted of one partition, by row and by share, and what is to be written."""

    counts: dict[_Counted, _Count] = field(default_factory=dict)
    shares: dict[Share, dict[str, _Count]] = field(default_factory=dict)
    touched: dict[bytes, _Count | None] = field(default_factory=dict)
    newest_day: int | None = None


class OwnPopularity:
    """Counts of this worker's own partitions.

    Parameters
    ----------
    window_days : days that are kept, counted back from the newest day of the partition.
    metrics : counts what is left out.
    """

    def __init__(self, window_days: int, metrics: PopularityMetrics) -> None:
        self._window_days = window_days
        self._metrics = metrics
        self._partitions: dict[int, _Partition] = {}
        self._unpublished: set[Share] = set()
        self._known: set[Share] = set()
        """Shares that the popularity topic may hold: taken over, or published from here."""

    def begin(self, partition: int) -> None:
        """Take a partition over, empty; `load` gives it its rows."""
        self._partitions[partition] = _Partition()

    def load(self, partition: int, rows: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes, RowCorrupt]]:
        """Add stored rows of a partition that was begun; all of them count as not yet published.

        Returns
        -------
        list of (key, row, error)
            Those that cannot be read; what they counted begins at nothing.
        """
        own = self._partitions[partition]
        unreadable: list[tuple[bytes, bytes, RowCorrupt]] = []
        for key, row in rows:
            try:
                (day, region, video), applied_offset, count = _decode(key, row)
            except RowCorrupt as error:
                unreadable.append((key, row, error))
                continue
            entry = _entry(own, partition, day, region, video)
            entry.applied_offset, entry.count = applied_offset, count
            entry.newest = entry.applied_offset
            own.newest_day = day if own.newest_day is None else max(day, own.newest_day)
            self._known.add(entry.share)
            self._unpublished.add(entry.share)
        return unreadable

    def clear(self) -> None:
        """Drop every partition: they belong to others now."""
        for kept in (self._partitions, self._unpublished, self._known):
            kept.clear()

    def add(self, partition: int, event: Event, offset: int) -> None:
        """Count an event of a partition, once: an offset at or below the row's stored applied offset changes nothing.

        Between two calls of `take_rows`, events may come in any order of their offsets.
        """
        if not counts_as_popular(event):
            return
        own = self._partitions[partition]
        day, region, video = event_day(event), event_region(event), event.video_id
        entry = own.counts.get((day, region, video))
        if entry is None:
            entry = self._new_entry(own, partition, day, region, video)
            if entry is None:
                return
        if offset <= entry.applied_offset:
            return
        entry.count += 1
        entry.newest = max(entry.newest, offset)
        own.touched[entry.row_key] = entry
        self._unpublished.add(entry.share)

    def take_rows(self, partition: int) -> dict[bytes, bytes | None]:
        """Return the rows to write since the last call; None removes one."""
        own = self._partitions[partition]
        touched, own.touched = own.touched, {}
        rows: dict[bytes, bytes | None] = {}
        for key, entry in touched.items():
            if entry is None:
                rows[key] = None
            else:
                entry.applied_offset = entry.newest
                rows[key] = _ROW.pack(entry.applied_offset, entry.count)
        return rows

    def take_unpublished(self) -> list[Share]:
        """Return the shares whose counts changed since the last call."""
        due = list(self._unpublished)
        self._unpublished.clear()
        self._known.update(due)
        return due

    def records(self, shares: Iterable[Share], topic: str) -> list[Outgoing]:
        """Return the records of shares as they are now; those of partitions given away are left out."""
        own = [share for share in shares if share.partition in self._partitions]
        return [Outgoing(topic, share.encode(), self._share_value(share), partition=0) for share in own]

    def _share_value(self, share: Share) -> bytes | None:
        counted = self._partitions[share.partition].shares.get(share)
        if not counted:
            return None
        counts = {video: entry.count for video, entry in counted.items()}
        return msgspec.json.encode(ShareCounts(max(entry.newest for entry in counted.values()), counts))

    def _new_entry(self, own: _Partition, partition: int, day: int, region: str, video: str) -> _Count | None:
        """Return the count of a video without one, None when it is too old or one too many."""
        newest = day if own.newest_day is None else own.newest_day
        if day <= newest - self._window_days:
            return None
        if day > newest:
            self._expire(own, day - self._window_days)
        own.newest_day = max(day, newest)
        if len(own.shares.get(Share(partition, region, day, _bucket(video)), ())) >= _MAX_VIDEOS_IN_SHARE:
            self._metrics.uncounted.inc()
            return None
        return _entry(own, partition, day, region, video)

    def _expire(self, own: _Partition, last: int) -> None:
        for share in [known for known in own.shares if known.day <= last]:
            for video, entry in own.shares.pop(share).items():
                del own.counts[share.day, share.region, video]
                own.touched[entry.row_key] = None
            (self._unpublished.add if share in self._known else self._unpublished.discard)(share)


def decode_count(key: bytes, row: bytes) -> tuple[int, str, str, int]:
    """Return day, region, video and count of a row; raises `RowCorrupt` when it is not one."""
    counted, _, count = _decode(key, row)
    return *counted, count


def _decode(key: bytes, row: bytes) -> tuple[_Counted, int, int]:
    """Return what a row counts, its applied offset and the count; raises `RowCorrupt`.

    A day far ahead is none, for the newest day decides which ones are kept.
    """
    try:
        counted = _parse_key(key)
        applied_offset, count = _ROW.unpack(row)
    except (ValueError, struct.error) as error:
        raise RowCorrupt(f"a count of {len(row)} bytes that cannot be read: {error}") from None
    if applied_offset > MAX_APPLIED_OFFSET:
        raise RowCorrupt(f"a count with {applied_offset} in the place of its applied offset")
    if counted[0] > time.time() / _DAY_SECONDS + _MAX_DAYS_AHEAD:
        raise RowCorrupt(f"a count of day {counted[0]}, which is more than {_MAX_DAYS_AHEAD} days ahead")
    return counted, applied_offset, count


def _entry(own: _Partition, partition: int, day: int, region: str, video: str) -> _Count:
    """Make the count of a video."""
    share = Share(partition, region, day, _bucket(video))
    entry = own.counts[day, region, video] = _Count(_row_key(day, region, video), share)
    own.shares.setdefault(share, {})[video] = entry
    return entry


def _bucket(video: str) -> int:
    return crc32(video.encode()) % _BUCKETS


def _row_key(day: int, region: str, video: str) -> bytes:
    return POPULARITY_PREFIX + _DAY.pack(day) + region.encode() + b"\0" + video.encode()


def _parse_key(key: bytes) -> _Counted:
    start = len(POPULARITY_PREFIX)
    (day,) = _DAY.unpack_from(key, start)
    region, video = key[start + _DAY.size :].decode().split("\0")
    return day, region, video
