"""The catalogue: what services are told about a video, from a compacted topic that every worker reads."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Annotated, Final

import msgspec
from aiokafka import ConsumerRecord
from msgspec import Meta
from prometheus_client import CollectorRegistry, Counter, Gauge

from models.json_nesting import shallow
from models.names import ID_RULE, is_identifier

_log = logging.getLogger(__name__)
MAX_ENTRY_BYTES: Final = 1 << 18
"""Largest record; an entry with every list full is below it."""

_Code = Annotated[str, Meta(min_length=1, max_length=64)]

_RECORDS_AT_ONCE: Final = 100  # a third of a millisecond, and then queries have their turn
_REMEMBERED_CHANGES: Final = 256  # who is further behind forgets everything, which is cheaper than so many look-ups


# nothing in an entry could refer back to it, so the garbage collector need not look at a million of them
class CatalogueEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What is known of one video.

    Parameters
    ----------
    title, genres, year : for people.
    duration_seconds : length, > 0.
    maturity : least age in years, 0 to 18.
    regions, devices : where it may be shown; empty is everywhere.
    available_from, available_until : UTC, the span in which it may be shown; None is open.
    """

    title: Annotated[str, Meta(min_length=1, max_length=512)]
    genres: Annotated[tuple[_Code, ...], Meta(max_length=64)] = ()
    year: Annotated[int, Meta(ge=1800, le=3000)] | None = None
    duration_seconds: Annotated[int, Meta(gt=0, le=10_000_000)] | None = None
    maturity: Annotated[int, Meta(ge=0, le=18)] = 0
    regions: Annotated[tuple[_Code, ...], Meta(max_length=512)] = ()
    devices: Annotated[tuple[_Code, ...], Meta(max_length=64)] = ()
    available_from: Annotated[datetime, Meta(tz=True)] | None = None
    available_until: Annotated[datetime, Meta(tz=True)] | None = None


class CatalogueMetrics:
    """Metrics of the catalogue, on a registry that must not hold them yet."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.videos = Gauge("nearline_catalogue_videos", "Videos in the catalogue.", registry=registry)
        self.rejected = Counter(
            "nearline_catalogue_rejected", "Catalogue records that were rejected.", registry=registry
        )


class Catalogue:
    """Entries by video id.

    Parameters
    ----------
    max_videos : a record for one more is rejected and counted.

    Attributes
    ----------
    changes : how many records were taken so far.
    """

    def __init__(self, max_videos: int, metrics: CatalogueMetrics) -> None:
        self._entries: dict[str, CatalogueEntry] = {}
        self._max_videos = max_videos
        self._metrics = metrics
        self._decoder = msgspec.json.Decoder(CatalogueEntry)
        self._recent: deque[str] = deque(maxlen=_REMEMBERED_CHANGES)
        self._applied = 0
        self.changes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, video_id: str) -> CatalogueEntry | None:
        """Return the entry of a video, or None when the catalogue does not know it."""
        return self._entries.get(video_id)

    def changed_since(self, changes: int) -> Sequence[str] | None:
        """Return the videos that changed since `changes` had a value, perhaps repeatedly; None if nobody knows them."""
        missed = self.changes - changes
        return None if missed > len(self._recent) else list(islice(reversed(self._recent), missed))

    async def apply(self, record: ConsumerRecord) -> None:
        """Take one record of the topic; a bad one is counted and logged, and the previous entry stays."""
        try:
            self._take(record)
        except (ValueError, AttributeError) as error:
            self._metrics.rejected.inc()
            _log.warning("catalogue offset %d rejected: %s", record.offset, error)
        self._metrics.videos.set(len(self._entries))
        self._applied += 1
        if not self._applied % _RECORDS_AT_ONCE:
            await asyncio.sleep(0)

    def _take(self, record: ConsumerRecord) -> None:
        video_id = record.key.decode()
        if not is_identifier(video_id):
            raise ValueError(f"the key is not a video id: {ID_RULE}")
        if record.value is None:
            self._entries.pop(video_id, None)
        elif video_id not in self._entries and len(self._entries) >= self._max_videos:
            raise ValueError(f"the catalogue holds {self._max_videos} videos already, its bound")
        elif len(record.value) > MAX_ENTRY_BYTES:
            raise ValueError(f"{len(record.value)} bytes are more than the {MAX_ENTRY_BYTES} allowed")
        else:
            self._entries[video_id] = self._decoder.decode(shallow(record.value))
        self._recent.append(video_id)
        self.changes += 1
