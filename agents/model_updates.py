"""Which model is active: announcements are read, artifacts fetched and verified, and one reference is swapped.

Every worker reads the whole `models` topic. An announced version becomes active only after every check of
`models.artifact`; a version that fails one is remembered with its reason, and the active one serves on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec
from aiokafka import ConsumerRecord

from agents.metrics import Metrics
from models.announcement import Announcement, decode_announcement
from models.errors import AnnouncementInvalid, ArtifactInvalid
from models.factor_model import FactorModel
from models.popularity import GLOBAL_REGION
from models.store import is_region

_log = logging.getLogger(__name__)
_MAX_REJECTIONS = 20


class Rejection(msgspec.Struct, frozen=True):
    """A version that was refused: which, why, and when (UTC)."""

    version: str
    reason: str
    at: datetime


class RegionStatus(msgspec.Struct, frozen=True):
    """What a worker says of one region's models; `rejected` has the newest first."""

    region: str
    active: str | None
    previous: str | None
    sequence: int | None
    activated_at: datetime | None
    videos: int | None
    factors: int | None
    rejected: list[Rejection]


@dataclass(frozen=True, slots=True)
class _Slot:
    model: FactorModel | None = None
    previous: FactorModel | None = None
    sequence: int = -1
    activated_at: datetime | None = None
    rejected: tuple[Rejection, ...] = ()


class ModelsInUse:
    """The active model of each region; a reader gets one immutable object and keeps it for a whole request."""

    def __init__(self, metrics: Metrics) -> None:
        self._slots: dict[str, _Slot] = {}
        self._metrics = metrics

    def active(self, region: str | None) -> FactorModel | None:
        """Return the region's model, else the fallback region's, else None."""
        slot = self._slots.get(region or GLOBAL_REGION)
        if slot is None or slot.model is None:
            slot = self._slots.get(GLOBAL_REGION)
        return slot.model if slot else None

    def sequence(self, region: str) -> int:
        """Return the sequence of the region's active announcement, -1 for none."""
        return self._slots.get(region, _Slot()).sequence

    def activate(self, model: FactorModel, sequence: int) -> None:
        """Put a verified model in place of the region's active one."""
        former = self._slots.get(model.region, _Slot())
        self._slots[model.region] = replace(
            former, model=model, previous=former.model, sequence=sequence, activated_at=datetime.now(UTC)
        )
        if former.model is not None:
            self._metrics.model_info.remove(model.region, former.model.version)
        self._metrics.model_info.labels(model.region, model.version).set(1)
        _log.info("model %s is active in region %s", model.version, model.region)

    def reject(self, region: str, version: str, reason: str) -> None:
        """Remember a version that was refused; at most twenty a region."""
        former = self._slots.get(region, _Slot())
        rejection = Rejection(version, reason, datetime.now(UTC))
        self._slots[region] = replace(former, rejected=(rejection, *former.rejected)[:_MAX_REJECTIONS])
        self._metrics.models_rejected.labels(region).inc()
        _log.error("model %s of region %s is refused: %s", version, region, reason)

    def status(self) -> list[RegionStatus]:
        """Return what is active and what was refused, by region."""
        return [_status(region, slot) for region, slot in sorted(self._slots.items())]


def _status(region: str, slot: _Slot) -> RegionStatus:
    return RegionStatus(
        region=region,
        active=slot.model.version if slot.model else None,
        previous=slot.previous.version if slot.previous else None,
        sequence=slot.sequence if slot.model else None,
        activated_at=slot.activated_at,
        videos=slot.model.n_videos if slot.model else None,
        factors=slot.model.n_factors if slot.model else None,
        rejected=list(slot.rejected),
    )


class ModelUpdates:
    """Takes announcements one after the other.

    Parameters
    ----------
    models : where a verified model becomes active.
    fetch : reads and verifies an announced artifact, in a thread; raises `ArtifactInvalid`.
    """

    def __init__(self, models: ModelsInUse, fetch: Callable[[Announcement], FactorModel]) -> None:
        self._models = models
        self._fetch = fetch
        self._backlog: dict[bytes | None, list[ConsumerRecord]] | None = {}
        self._turn = asyncio.Lock()

    async def apply(self, record: ConsumerRecord) -> None:
        """Take one record of the topic; before `settle`, records are only collected."""
        async with self._turn:
            if self._backlog is not None:
                self._backlog.setdefault(record.key, []).append(record)
            else:
                await self._take(record)

    async def settle(self, caught_up: Callable[[], Awaitable[object]]) -> None:
        """Once the topic is read to its end, activate the newest valid announcement of each region.

        Older ones are only fetched when every newer one is refused.
        """
        await caught_up()
        async with self._turn:
            backlog, self._backlog = self._backlog or {}, None
            for records in backlog.values():
                for record in reversed(records):
                    if await self._take(record):
                        break

    async def _take(self, record: ConsumerRecord) -> bool:
        name = (record.key or b"").decode(errors="replace")
        region = name if is_region(name) else "invalid"
        try:
            announcement = decode_announcement(record.value)
        except AnnouncementInvalid as error:
            self._models.reject(region, f"announcement at offset {record.offset}", str(error))
            return False
        if announcement.region != region:
            self._models.reject(region, announcement.version, f"announced for region {announcement.region!r}")
            return False
        if announcement.sequence <= self._models.sequence(region):
            return False
        try:
            model = await asyncio.to_thread(self._fetch, announcement)
        except (ArtifactInvalid, OSError) as error:
            self._models.reject(region, announcement.version, str(error))
            return False
        self._models.activate(model, announcement.sequence)
        return True
