"""Popularity: how many plays and likes a video had in the last days, per region, over all partitions.

Each partition's owner counts the events of its partition (`own_popularity`) and publishes its counts to a compacted
topic that every worker reads: one record is the whole count of one (partition, region, day, bucket), so records may
repeat and the sum stays right.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

import msgspec
from aiokafka import ConsumerRecord
from msgspec import Meta

from models.feedback.popularity import PopularityCounts
from models.json_nesting import shallow
from models.names import is_region

_CACHE_SECONDS = 1.0
_MAX_TOP = 1_000
_MAX_CACHED = 256
_BEYOND_EVERY_DATE = (
    3_000_000  # days from 1970 to the year 10000; a later day would push every real one out of the lists
)


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
        """Read a record key; raises ValueError on anything that `encode` would not write."""
        partition, region, day, bucket = key.decode().split("/")
        share = cls(int(partition), region, int(day), int(bucket))
        in_range = min(share.partition, share.bucket) >= 0 and abs(share.day) < _BEYOND_EVERY_DATE
        if not in_range or not is_region(region) or share.encode() != key:
            raise ValueError("the key is not partition/region/day/bucket")
        return share


class ShareCounts(msgspec.Struct, frozen=True):
    """The value of a popularity record: counts by video, and the last source offset among them."""

    applied_offset: Annotated[int, Meta(ge=-1, le=2**63 - 1)] = msgspec.field(name="fence")
    counts: dict[str, Annotated[int, Meta(ge=0, le=2**32 - 1)]]


NO_COUNTS = ShareCounts(-1, {})
_DECODER = msgspec.json.Decoder(ShareCounts)


@dataclass(slots=True)
class GlobalPopularity:
    """The sum over all partitions, as the popularity topic tells it; every worker has the same one."""

    rejected: int = 0
    _totals: PopularityCounts = field(default_factory=PopularityCounts)
    _shares: dict[Share, ShareCounts] = field(default_factory=dict)
    _cached: dict[tuple[str | None, int | None], tuple[float, list[tuple[str, int]]]] = field(default_factory=dict)

    async def apply(self, record: ConsumerRecord) -> None:
        """Take one record of the popularity topic in place of the previous one of its key."""
        try:
            share = Share.decode(record.key)
            value = None if record.value is None else _DECODER.decode(shallow(record.value))
        except (ValueError, AttributeError):
            self.rejected += 1
            return
        previous = self._shares.pop(share, NO_COUNTS)
        if value is not None and previous.applied_offset > value.applied_offset:
            value = previous  # a worker that was thought dead published late
        if value is not None:
            self._shares[share] = value
        self._totals.replace(share.region, share.day, (value or NO_COUNTS).counts, previous.counts)
        await asyncio.sleep(0)  # a record may hold a thousand counts, and a second brings hundreds: queries go between

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
