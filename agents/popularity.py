"""Popularity: how many plays and likes a video had in the last days, per region, over all partitions.

Each partition's owner counts the events of its partition. The counts are rows of the table, one for each
(day, region, video), written in the same batch as the source position, so a crash neither loses nor doubles one.
To make them global, the owner publishes its counts to a compacted topic that every worker reads: one record is
the whole count of one (partition, region, day, bucket), so records may repeat and the sum stays right.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from struct import Struct
from typing import Annotated, NamedTuple
from zlib import crc32

import msgspec
from aiokafka import ConsumerRecord
from msgspec import Meta

from agents.metrics import Metrics
from agents.producer import Outgoing
from models.events import Event
from models.popularity import PopularityCounts, counts_as_popular, event_day, event_region
from tables.fence import RESERVED

POPULARITY_PREFIX = RESERVED + b"popularity\0"
_DAY = Struct(">i")
_ROW = Struct("<qI")
"""fence (source offset of the last event counted), count."""
_BUCKETS = 16
"""A day's videos are published in so many records, so that each stays far below the largest message."""
_MAX_VIDEOS_IN_SHARE = 3_500
"""Of the longest ids, so many fit into a record of 1 MiB: a bound for producers that make up a video an event."""
_CACHE_SECONDS = 1.0
_MAX_TOP = 1_000
_MAX_CACHED = 256


class Share(NamedTuple):
    """What one record of the popularity topic counts: videos of one bucket, one partition, one region and day."""

    partition: int
    region: str
    day: int
    bucket: int

    def encode(self) -> bytes:
        """Return the record key."""
        return f"{self.partition}/{self.region}/{self.day}/{self.bucket}".encode()

    @classmethod
    def decode(cls, key: bytes) -> "Share":
        """Read a record key; raises ValueError on anything else."""
        partition, region, day, bucket = key.decode().split("/")
        return cls(int(partition), region, int(day), int(bucket))


class ShareCounts(msgspec.Struct, frozen=True):
    """The value of a popularity record: counts by video, and the last source offset among them."""

    fence: int
    counts: dict[str, Annotated[int, Meta(ge=0)]]


NO_COUNTS = ShareCounts(-1, {})


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


@dataclass(slots=True)
class GlobalPopularity:
    """The sum over all partitions, as the popularity topic tells it; every worker has the same one."""

    rejected: int = 0
    _totals: PopularityCounts = field(default_factory=PopularityCounts)
    _shares: dict[Share, ShareCounts] = field(default_factory=dict)
    _cached: dict[tuple[str | None, int | None], tuple[float, list[tuple[str, int]]]] = field(default_factory=dict)

    async def apply(self, record: ConsumerRecord) -> None:
        """Take one record of the popularity topic in place of the former one of its key."""
        try:
            share = Share.decode(record.key)
            value = None if record.value is None else msgspec.json.decode(record.value, type=ShareCounts)
        except (ValueError, AttributeError):
            self.rejected += 1
            return
        former = self._shares.pop(share, NO_COUNTS)
        if value is not None and former.fence > value.fence:
            value = former  # a worker that was thought dead published late
        if value is not None:
            self._shares[share] = value
        self._totals.replace(share.region, share.day, (value or NO_COUNTS).counts, former.counts)

    def top(self, region: str | None, days: int | None, limit: int) -> list[tuple[str, int]]:
        """Return the videos with the most plays and likes in the last `days` days, with their counts.

        Days are counted back from the newest event of all; None is all that is kept. Region None or "global" is
        everywhere. At most `limit` <= 1,000; the answer may be one second old.
        """
        now = time.monotonic()
        cached = self._cached.get((region, days))
        if cached is None or cached[0] < now:
            today = self._totals.latest_day
            found = [] if today is None else self._totals.top(region, days, _MAX_TOP, today)
            if len(self._cached) >= _MAX_CACHED:
                self._cached.clear()
            cached = (now + _CACHE_SECONDS, found)
            self._cached[region, days] = cached
        return cached[1][:limit]


def _bucket(video: str) -> int:
    return crc32(video.encode()) % _BUCKETS


def _row_key(day: int, region: str, video: str) -> bytes:
    return POPULARITY_PREFIX + _DAY.pack(day) + region.encode() + b"\0" + video.encode()


def _parse_key(key: bytes) -> tuple[int, str, str]:
    start = len(POPULARITY_PREFIX)
    (day,) = _DAY.unpack_from(key, start)
    region, video = key[start + _DAY.size :].decode().split("\0")
    return day, region, video
