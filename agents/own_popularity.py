"""The own counts: plays and likes of the partitions that this worker holds.

The counts are rows of the users table, one for each (day, region, video), written in the same batch as the source
position, so a crash neither loses nor doubles one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from struct import Struct
from zlib import crc32

import msgspec

from agents.metrics import Metrics
from agents.popularity import Share, ShareCounts
from agents.producer import Outgoing
from models.events import Event
from models.popularity import counts_as_popular, event_day, event_region
from tables.fence import RESERVED

POPULARITY_PREFIX = RESERVED + b"popularity\0"
_DAY = Struct(">i")
_ROW = Struct("<qI")
"""fence (source offset of the last event counted), count."""
_BUCKETS = 16
"""A day's videos are published in so many records, so that each stays far below the largest message."""
_MAX_VIDEOS_IN_SHARE = 3_500
"""Of the longest ids, so many fit into a record of 1 MiB: a bound for producers that make up a video an event."""


@dataclass(slots=True)
class _Count:
    """A row's count; `fence` is the stored one, `newest` the one to store with the next write."""

    count: int = 0
    fence: int = -1
    newest: int = -1


class OwnPopularity:
    """Counts of this worker's own partitions.

    Parameters
    ----------
    window_days : days that are kept, counted back from the newest day of the partition.
    metrics : counts what is left out.
    """

    def __init__(self, window_days: int, metrics: Metrics) -> None:
        self._window_days = window_days
        self._metrics = metrics
        self._shares: dict[int, dict[Share, dict[str, _Count]]] = {}
        self._newest: dict[int, int] = {}
        self._touched: dict[int, dict[bytes, _Count | None]] = {}
        self._unpublished: set[Share] = set()
        self._known: set[Share] = set()
        """Shares that the popularity topic may hold: taken over, or published from here."""

    def begin(self, partition: int) -> None:
        """Take a partition over, empty; `load` gives it its rows."""
        self._shares[partition] = {}
        self._touched[partition] = {}

    def load(self, partition: int, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Add stored rows of a partition that was begun; all of them count as not yet published."""
        for key, row in rows:
            day, region, video = _parse_key(key)
            fence, count = _ROW.unpack(row)
            share = Share(partition, region, day, _bucket(video))
            self._shares[partition].setdefault(share, {})[video] = _Count(count, fence, fence)
            self._newest[partition] = max(day, self._newest.get(partition, day))
            self._known.add(share)
            self._unpublished.add(share)

    def forget(self) -> None:
        """Drop every partition: they belong to others now."""
        for kept in (self._shares, self._newest, self._touched, self._unpublished, self._known):
            kept.clear()

    def add(self, partition: int, event: Event, offset: int) -> None:
        """Count an event of a partition, once: an offset at or below the row's stored fence changes nothing.

        Between two calls of `take_rows`, events may come in any order of their offsets.
        """
        if not counts_as_popular(event):
            return
        day = event_day(event)
        newest = self._newest.setdefault(partition, day)
        if day <= newest - self._window_days:
            return
        if day > newest:
            self._newest[partition] = day
            self._expire(partition, day - self._window_days)
        share = Share(partition, event_region(event), day, _bucket(event.video_id))
        videos = self._shares[partition].setdefault(share, {})
        if event.video_id not in videos and len(videos) >= _MAX_VIDEOS_IN_SHARE:
            self._metrics.popularity_uncounted.inc()
            return
        entry = videos.setdefault(event.video_id, _Count())
        if offset <= entry.fence:
            return
        entry.count += 1
        entry.newest = max(entry.newest, offset)
        self._touched[partition][_row_key(day, share.region, event.video_id)] = entry
        self._unpublished.add(share)

    def take_rows(self, partition: int) -> dict[bytes, bytes | None]:
        """Return the rows to write since the last call; None removes one."""
        touched, self._touched[partition] = self._touched[partition], {}
        for entry in touched.values():
            if entry is not None:
                entry.fence = entry.newest
        return {key: None if entry is None else _ROW.pack(entry.fence, entry.count) for key, entry in touched.items()}

    def take_unpublished(self) -> list[Share]:
        """Return the shares whose counts changed since the last call."""
        due = list(self._unpublished)
        self._unpublished.clear()
        self._known.update(due)
        return due

    def records(self, shares: Iterable[Share], topic: str) -> list[Outgoing]:
        """Return the records of shares as they are now; those of partitions given away are left out."""
        own = [share for share in shares if share.partition in self._shares]
        return [Outgoing(topic, share.encode(), self._share_value(share), partition=0) for share in own]

    def _share_value(self, share: Share) -> bytes | None:
        counted = self._shares[share.partition].get(share)
        if not counted:
            return None
        counts = {video: entry.count for video, entry in counted.items()}
        return msgspec.json.encode(ShareCounts(max(entry.newest for entry in counted.values()), counts))

    def _expire(self, partition: int, last: int) -> None:
        shares = self._shares[partition]
        for share in [known for known in shares if known.day <= last]:
            for video in shares.pop(share):
                self._touched[partition][_row_key(share.day, share.region, video)] = None
            (self._unpublished.add if share in self._known else self._unpublished.discard)(share)


def _bucket(video: str) -> int:
    return crc32(video.encode()) % _BUCKETS


def _row_key(day: int, region: str, video: str) -> bytes:
    return POPULARITY_PREFIX + _DAY.pack(day) + region.encode() + b"\0" + video.encode()


def _parse_key(key: bytes) -> tuple[int, str, str]:
    start = len(POPULARITY_PREFIX)
    (day,) = _DAY.unpack_from(key, start)
    region, video = key[start + _DAY.size :].decode().split("\0")
    return day, region, video
