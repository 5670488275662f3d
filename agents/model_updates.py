"""Which model is active: announcements are read, artifacts fetched and verified, and one reference is swapped.

Every worker reads the whole `models` topic. An announced version becomes active only after every check of
`models.artifact`; a version that fails one is remembered with its reason, and the active one serves on. A store that
does not answer refuses nothing: the version is read again until the store answers, or a newer one is announced.
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
from models.errors import AnnouncementInvalid, ArtifactInvalid, StoreUnavailable
from models.factor_model import FactorModel
from models.popularity import GLOBAL_REGION
from models.store import is_region

_log = logging.getLogger(__name__)
_MAX_REJECTIONS = 20
_MAX_WAITING = 1_000
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_FIRST_SECONDS = 15.0
"""So long a start waits for what is announced; then it goes on, for events need not wait for a model store."""


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
    previous: str | None = None
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
        previous = former.model.version if former.model else None
        self._slots[model.region] = replace(
            former, model=model, previous=previous, sequence=sequence, activated_at=datetime.now(UTC)
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

    def put_off(self, region: str, version: str, reason: str, seconds: float) -> None:
        """Count and log that the store did not give a version, which is read again in so many seconds."""
        self._metrics.model_store_unavailable.labels(region).inc()
        _log.warning("model %s of region %s is read again in %.0f s: %s", version, region, seconds, reason)

    def status(self) -> list[RegionStatus]:
        """Return what is active and what was refused, by region."""
        return [_status(region, slot) for region, slot in sorted(self._slots.items())]


def _status(region: str, slot: _Slot) -> RegionStatus:
    return RegionStatus(
        region=region,
        active=slot.model.version if slot.model else None,
        previous=slot.previous,
        sequence=slot.sequence if slot.model else None,
        activated_at=slot.activated_at,
        videos=slot.model.n_videos if slot.model else None,
        factors=slot.model.n_factors if slot.model else None,
        rejected=list(slot.rejected),
    )


class ModelUpdates:
    """Takes announcements: of each region the one with the largest sequence first, regions beside each other.

    Parameters
    ----------
    models : where a verified model becomes active.
    fetch : reads and verifies an announced artifact, in a thread; raises `ArtifactInvalid` or `StoreUnavailable`.
    sleep : waits so many seconds before the store is asked again.
    """

    def __init__(
        self,
        models: ModelsInUse,
        fetch: Callable[[Announcement], FactorModel],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._models = models
        self._fetch = fetch
        self._sleep = sleep
        self._waiting: dict[str, list[Announcement]] = {}
        self._regions: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._settled = asyncio.Event()

    async def apply(self, record: ConsumerRecord) -> None:
        """Take one record of the topic and return at once; nothing is fetched before the topic is read to its end."""
        announcement = self._accept(record)
        if announcement is None:
            return
        waiting = self._waiting.setdefault(announcement.region, [])
        waiting.append(announcement)
        if len(waiting) > _MAX_WAITING:
            waiting.remove(min(waiting, key=_sequence))
        self._start(announcement.region)

    async def run(self, caught_up: Callable[[], Awaitable[object]]) -> None:
        """Once the topic is read to its end, work on the announcements of every region until cancelled."""
        await caught_up()
        async with asyncio.TaskGroup() as self._group:
            for region in self._waiting:
                self._start(region)
            if self._regions:
                await asyncio.wait(self._regions.values(), timeout=_FIRST_SECONDS)
            self._settled.set()
            await asyncio.Event().wait()

    async def settled(self) -> None:
        """Wait until what was announced before the start is active or refused, or the store is too slow to wait for.

        Who serves or solves sooner does it without a model that others have.
        """
        await self._settled.wait()

    def _accept(self, record: ConsumerRecord) -> Announcement | None:
        name = (record.key or b"").decode(errors="replace")
        region = name if is_region(name) else "invalid"
        try:
            announcement = decode_announcement(record.value)
        except AnnouncementInvalid as error:
            self._models.reject(region, f"announcement at offset {record.offset}", str(error))
            return None
        if announcement.region != region:
            self._models.reject(region, announcement.version, f"announced for region {announcement.region!r}")
            return None
        return announcement

    def _start(self, region: str) -> None:
        """Work on what waits in the region, unless that is being done, or the topic is not read to its end yet."""
        task = self._regions.get(region)
        if self._group is not None and (task is None or task.done()):
            self._regions[region] = self._group.create_task(self._work(region), name=f"models of region {region}")

    async def _work(self, region: str) -> None:
        """Activate the newest valid announcement; older ones are only fetched when every newer one is refused."""
        waiting, pause = self._waiting[region], _FIRST_PAUSE_SECONDS
        while waiting:
            newest = max(waiting, key=_sequence)
            if newest.sequence <= self._models.sequence(region):
                waiting.clear()
                continue
            waiting.remove(newest)
            if await self._take(newest, pause):
                pause = _FIRST_PAUSE_SECONDS
            else:
                waiting.insert(0, newest)  # of two with one sequence, the first
                await self._sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _take(self, announcement: Announcement, pause: float) -> bool:
        """Activate or refuse a version; False when the store does not answer."""
        region, version = announcement.region, announcement.version
        try:
            model = await asyncio.to_thread(self._fetch, announcement)
        except StoreUnavailable as error:
            self._models.put_off(region, version, str(error), pause)
            return False
        except ArtifactInvalid as error:
            self._models.reject(region, version, error.reason)
        except Exception as error:  # noqa: BLE001 - one announcement must not end a worker, whatever it leads to
            _log.exception("model %s of region %s cannot be read", version, region)
            self._models.reject(region, version, repr(error))
        else:
            self._models.activate(model, announcement.sequence)
        return True


def _sequence(announcement: Announcement) -> int:
    return announcement.sequence
