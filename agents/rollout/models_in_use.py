"""Which model serves each region: one reference a region, swapped whole, with the previous one beside it.

A request or a batch takes one immutable model and keeps it. The previous version stays in memory: rolling back to it
reads nothing, and it is what rows not yet re-solved were made with.
"""

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec

from agents.rollout.metrics import RolloutMetrics
from models.evaluation.list_comparison import Comparison
from models.factorization.factor_model import FactorModel
from models.names import GLOBAL_REGION
from models.rollout.announcement import Announcement
from models.rollout.rejection import MAX_REASON_CHARACTERS

_log = logging.getLogger(__name__)
_MAX_REJECTIONS = 20


class RejectedVersion(msgspec.Struct, frozen=True):
    """A version that was rejected: which, why, and when (UTC)."""

    version: str
    reason: str
    at: datetime


class Rescored(msgspec.Struct, frozen=True):
    """How far the users of this worker are whom a region's model serves.

    `users` is how many there are, `left` how many of them still have another model's list, as far as this worker's rows
    were looked through, and `done` whether all were and nobody is left.
    """

    users: int
    left: int
    done: bool


class RegionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says of one region's models; `rejected` has the newest first.

    `canary` is what the canary of the active version found, null for one that was not tried here; `rescored` is null
    until this worker has begun to look through its rows.
    """

    region: str
    active: str | None
    previous: str | None
    sequence: int | None
    activated_at: datetime | None
    videos: int | None
    factors: int | None
    canary: Comparison | None = None
    rescored: Rescored | None = None
    rejected: list[RejectedVersion] = []


@dataclass(frozen=True, slots=True)
class Serving:
    """A model, and the announcement under which it serves."""

    model: FactorModel
    announcement: Announcement
    since: datetime
    canary: Comparison | None = None


@dataclass(frozen=True, slots=True)
class _Slot:
    serving: Serving | None = None
    previous: Serving | None = None
    rejected: tuple[RejectedVersion, ...] = ()


class ModelsInUse:
    """The active model of each region, and the previous one.

    Attributes
    ----------
    changes : how often any active model was exchanged.
    changed : set at every exchange; who waits for it clears it.
    """

    def __init__(self, metrics: RolloutMetrics) -> None:
        self._slots: dict[str, _Slot] = {}
        self._rescored: dict[str, Rescored] = {}
        self._metrics = metrics
        self.changes = 0
        self.changed = asyncio.Event()

    def active(self, region: str | None) -> FactorModel | None:
        """Return the region's model, else that of `GLOBAL_REGION`, else None."""
        serving = self.serving(region or GLOBAL_REGION) or self.serving(GLOBAL_REGION)
        return serving.model if serving else None

    def previous(self, region: str | None) -> FactorModel | None:
        """Return what served the region's users before its active model, None where nothing did or nobody knows."""
        slot = self._slots.get(region or GLOBAL_REGION)
        if slot is None or slot.serving is None:
            slot = self._slots.get(GLOBAL_REGION, _Slot())
        elif slot.previous is None and region != GLOBAL_REGION:
            return self.active(GLOBAL_REGION)
        return slot.previous.model if slot.previous else None

    def serving(self, region: str) -> Serving | None:
        """Return what serves under the region's own announcement, None where the model of `GLOBAL_REGION` does."""
        return self._slots.get(region, _Slot()).serving

    def regions(self) -> list[str]:
        """Return the regions that have a model of their own, `GLOBAL_REGION` among them."""
        return [region for region, slot in self._slots.items() if slot.serving is not None]

    def known(self, announcement: Announcement) -> FactorModel | None:
        """Return the announced model if it is in memory, active or previous."""
        slot = self._slots.get(announcement.region, _Slot())
        for one in (slot.serving, slot.previous):
            if one is not None and (one.announcement.version, one.announcement.digest) == (
                announcement.version,
                announcement.digest,
            ):
                return one.model
        return None

    def activate(self, model: FactorModel, announcement: Announcement, canary: Comparison | None = None) -> None:
        """Put a verified model in place of the region's active one, or the same one under a new announcement."""
        slot = self._slots.get(model.region, _Slot())
        serving = Serving(model, announcement, datetime.now(UTC), canary)
        if slot.serving is not None and slot.serving.model is model:
            serving = replace(slot.serving, announcement=announcement)
            self._slots[model.region] = replace(slot, serving=serving)
            return
        self._exchange(replace(slot, serving=serving, previous=slot.serving), slot.serving)

    def give_up(self, region: str) -> FactorModel | None:
        """Put the previous model back in place of the active one; returns it, None when there is none to go back to."""
        slot = self._slots.get(region, _Slot())
        if slot.previous is None:
            return None
        self._exchange(
            replace(slot, serving=replace(slot.previous, since=datetime.now(UTC)), previous=None), slot.serving
        )
        return slot.previous.model

    def reject(self, region: str, version: str, reason: str) -> None:
        """Remember a version that was rejected; at most twenty a region."""
        slot = self._slots.get(region, _Slot())
        reason = reason[:MAX_REASON_CHARACTERS]
        rejection = RejectedVersion(version, reason, datetime.now(UTC))
        self._slots[region] = replace(slot, rejected=(rejection, *slot.rejected)[:_MAX_REJECTIONS])
        self._metrics.models_rejected.labels(region).inc()
        _log.error("model %s of region %s is rejected: %s", version, region, reason)

    def put_off(self, region: str, version: str, reason: str, seconds: float) -> None:
        """Count and log that the store did not give a version, which is read again in so many seconds."""
        self._metrics.model_store_unavailable.labels(region).inc()
        _log.warning("model %s of region %s is read again in %.0f s: %s", version, region, seconds, reason)

    def note_rescored(self, rescored: dict[str, Rescored]) -> None:
        """Take note of how far the users are whom each region's model serves."""
        self._rescored = rescored
        for region, one in rescored.items():
            self._metrics.users_to_rescore.labels(region).set(one.left)

    def status(self) -> list[RegionStatus]:
        """Return what is active and what was rejected, by region."""
        return [_status(region, slot, self._rescored.get(region)) for region, slot in sorted(self._slots.items())]

    def _exchange(self, slot: _Slot, before: Serving | None) -> None:
        if slot.serving is None:
            raise ValueError("an exchange needs a model that serves")
        model = slot.serving.model
        self._slots[model.region] = slot
        if before is not None:
            self._metrics.model_info.remove(model.region, before.model.version)
        self._metrics.model_info.labels(model.region, model.version).set(1)
        self._rescored = {}
        self.changes += 1
        self.changed.set()
        _log.info("model %s is active in region %s", model.version, model.region)


def _status(region: str, slot: _Slot, rescored: Rescored | None) -> RegionStatus:
    serving = slot.serving
    return RegionStatus(
        region=region,
        active=serving.model.version if serving else None,
        previous=slot.previous.model.version if slot.previous else None,
        sequence=serving.announcement.sequence if serving else None,
        activated_at=serving.since if serving else None,
        videos=serving.model.n_videos if serving else None,
        factors=serving.model.n_factors if serving else None,
        canary=serving.canary if serving else None,
        rescored=rescored,
        rejected=list(slot.rejected),
    )
