"""From an announcement to the active model: fetch, verify, try on real users, swap; or reject, and say why.

Every worker reads the whole topics `models` and `models-rejected`. An announced version becomes active only after every
check of `models.artifacts.artifact`, and after a canary on this worker's users where another version serves them; a
version that fails is remembered with its reason, and the active one serves on. A rejection by any worker's canary
counts for all, so that a region does not serve two versions. A store that does not answer rejects nothing: the version
is read again until the store answers, or a newer one is announced.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from aiokafka import ConsumerRecord

from agents.rollout.canary import RunCanary
from agents.rollout.late_canary import LateCanary
from agents.rollout.models_in_use import ModelsInUse
from models.errors import AnnouncementInvalid, ArtifactInvalid, ArtifactMissing, StoreUnavailable
from models.evaluation.list_comparison import Comparison
from models.factorization.factor_model import FactorModel
from models.names import is_region
from models.rollout.announcement import Announcement, decode_announcement
from models.rollout.rejection import CANARY, Rejection, Stage, decode_rejection

_log = logging.getLogger(__name__)
_MAX_WAITING = 1_000
_MAX_REJECTIONS = 10_000
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_LONGEST_PAUSE_FOR_MISSING = 4.0
"""A file that is missing may be on its way; after pauses of 1, 2 and 4 seconds it is not."""
_FIRST_SECONDS = 15.0
"""How long a start waits for what is announced; then it goes on, for events need not wait for a model store."""

Tell = Callable[[Rejection], Awaitable[None]]


class ModelUpdates:
    """Takes announcements: of each region the one with the largest sequence first, regions beside each other.

    Parameters
    ----------
    models : where a verified model becomes active.
    fetch : reads and verifies an announced artifact, in a thread; raises `ArtifactInvalid` or `StoreUnavailable`.
    canary : tries a candidate on the users of the model that serves them.
    tell : puts a rejection where every worker and every operator sees it.
    worker : the id of this worker.
    sleep : waits so many seconds before the store is asked again.
    """

    def __init__(
        self,
        models: ModelsInUse,
        fetch: Callable[[Announcement], FactorModel],
        canary: RunCanary,
        tell: Tell,
        worker: str,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._models = models
        self._fetch = fetch
        self._canary = canary
        self._tell = tell
        self._worker = worker
        self._sleep = sleep
        self._waiting: dict[str, list[Announcement]] = {}
        self._rejections: dict[bytes, Rejection] = {}
        self._regions: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._settled = asyncio.Event()
        self._late = LateCanary(models, fetch, canary, sleep)

    async def apply(self, record: ConsumerRecord) -> None:
        """Take one record of the topic and return at once; nothing is fetched before the topics are read to the end."""
        announcement = self._accept(record)
        if announcement is not None:
            self._enqueue(announcement)

    async def apply_rejection(self, record: ConsumerRecord) -> None:
        """Take one record of the topic of rejections; another worker's canary makes this one go back, too."""
        if record.value is None:
            return
        try:
            rejection = decode_rejection(record.value)
        except AnnouncementInvalid as error:
            _log.error("the rejection at offset %d is ignored: %s", record.offset, error)
            return
        if rejection.counts_for_all and rejection.key not in self._rejections:
            if len(self._rejections) >= _MAX_REJECTIONS:
                del self._rejections[next(iter(self._rejections))]
            self._rejections[rejection.key] = rejection
            self._go_back(rejection)

    async def run(self, caught_up: Callable[[], Awaitable[object]]) -> None:
        """Once the topics are read to the end, work on the announcements of every region until cancelled."""
        await caught_up()
        async with asyncio.TaskGroup() as self._group:
            for region in self._waiting:
                self._start(region)
            if self._regions:
                await asyncio.wait(self._regions.values(), timeout=_FIRST_SECONDS)
            self._settled.set()
            await asyncio.Event().wait()

    async def settled(self) -> None:
        """Wait until what was announced before the start is active or rejected, or the store is too slow to wait for.

        Who serves or solves sooner does it without a model that others have.
        """
        await self._settled.wait()

    def is_settled(self) -> bool:
        """Tell whether `settled` has nothing to wait for any more."""
        return self._settled.is_set()

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

    def _enqueue(self, announcement: Announcement) -> None:
        waiting = self._waiting.setdefault(announcement.region, [])
        waiting.append(announcement)
        if len(waiting) > _MAX_WAITING:
            waiting.remove(min(waiting, key=_sequence))
        self._start(announcement.region)

    def _start(self, region: str) -> None:
        """Work on what waits in the region, unless that is being done, or the topics are not read to the end yet."""
        task = self._regions.get(region)
        if self._group is not None and (task is None or task.done()):
            self._regions[region] = self._group.create_task(self._work(region), name=f"models of region {region}")

    async def _work(self, region: str) -> None:
        """Activate the newest valid announcement; older ones are only fetched when every newer one is rejected."""
        waiting, pause = self._waiting[region], _FIRST_PAUSE_SECONDS
        while waiting:
            newest = max(waiting, key=_sequence)
            if newest.sequence <= self._reached(region):
                waiting.clear()
                continue
            waiting.remove(newest)
            if await self._take(newest, pause):
                pause = _FIRST_PAUSE_SECONDS
            else:
                waiting.insert(0, newest)  # of two with one sequence, the first
                await self._sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _reached(self, region: str) -> int:
        """Return the sequence of what serves the region; -1 for nothing, or for what must be replaced."""
        serving = self._models.serving(region)
        if serving is None or self._rejection_of(serving.announcement) is not None:
            return -1
        return serving.announcement.sequence

    async def _take(self, announcement: Announcement, pause: float) -> bool:
        """Activate or reject a version; False when the store does not answer."""
        region, version = announcement.region, announcement.version
        try:
            if (rejection := self._rejection_of(announcement)) is not None:
                self._models.reject(region, version, _in_words(rejection))
            else:
                await self._bring_in(announcement)
        except StoreUnavailable as error:
            self._models.put_off(region, version, str(error), pause)
            return False
        except ArtifactInvalid as error:
            if isinstance(error, ArtifactMissing) and pause <= _LONGEST_PAUSE_FOR_MISSING:
                self._models.put_off(region, version, error.reason, pause)
                return False
            await self._reject(announcement, "artifact", error.reason)
        except Exception as error:  # noqa: BLE001 - one announcement must not end a worker, whatever it leads to
            _log.exception("model %s of region %s cannot be used", version, region)
            await self._reject(announcement, "artifact", repr(error))
        if self._models.serving(region) is None:
            self._fall_back(announcement)
        return True

    async def _bring_in(self, announcement: Announcement) -> None:
        """Fetch, verify, try and activate a version; a previous one that is in memory is there already."""
        model = self._models.known(announcement)
        if model is None:
            model = await asyncio.to_thread(self._fetch, announcement)
        comparison: Comparison | None = None
        serving = self._models.active(announcement.region)
        if announcement.canary and serving is not None and serving is not model:
            tried = await self._canary(serving, model)
            comparison = tried.comparison
            if tried.objections:
                await self._reject(announcement, CANARY, "; ".join(tried.objections), comparison)
                return
        rejection = self._rejection_of(announcement)  # meanwhile another worker may have tried it
        if rejection is not None:
            self._models.reject(announcement.region, announcement.version, _in_words(rejection))
            return
        self._models.activate(model, announcement, comparison)
        if serving is None and self._group is not None and self._late.is_due(announcement):
            self._group.create_task(self._try_late(announcement, model), name=f"late canary of {announcement.version}")

    async def _try_late(self, announcement: Announcement, model: FactorModel) -> None:
        """Go back from a version that serves since the start, when users turn out to have no use for it."""
        try:
            found = await self._late.run(announcement, model)
        except Exception:  # noqa: BLE001 - one announcement must not end a worker, whatever it leads to
            _log.exception("model %s, which serves, cannot be tried", announcement.version)
            return
        previous = announcement.previous
        if found is None or previous is None or not found[1].objections:
            return
        before, tried = found
        await self._reject(announcement, CANARY, "; ".join(tried.objections), tried.comparison)
        self._models.activate(before, previous)

    async def _reject(
        self, announcement: Announcement, stage: Stage, reason: str, comparison: Comparison | None = None
    ) -> None:
        rejection = Rejection.of(announcement, stage, reason, self._worker, datetime.now(UTC), comparison)
        self._models.reject(announcement.region, announcement.version, reason)
        if rejection.counts_for_all:
            self._rejections[rejection.key] = rejection
        await self._tell(rejection)

    def _rejection_of(self, announcement: Announcement) -> Rejection | None:
        rejection = self._rejections.get(f"{announcement.region}/{announcement.sequence}".encode())
        return rejection if rejection is not None and rejection.is_of(announcement) else None

    def _go_back(self, rejection: Rejection) -> None:
        """Leave a version that serves here for the previous one, when another worker's canary rejects it."""
        serving = self._models.serving(rejection.region)
        if serving is None or not rejection.is_of(serving.announcement):
            return
        self._models.reject(rejection.region, rejection.version, _in_words(rejection))
        if self._models.give_up(rejection.region) is None:
            self._fall_back(serving.announcement)

    def _fall_back(self, rejected: Announcement) -> None:
        """Take what was announced before a rejected version; compaction may have removed its own announcement."""
        previous = rejected.previous
        if previous is not None:
            self._enqueue(previous)


def _sequence(announcement: Announcement) -> int:
    return announcement.sequence


def _in_words(rejection: Rejection) -> str:
    return f"the canary of worker {rejection.worker} rejects it: {rejection.reason}"
