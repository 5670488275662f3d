"""A small world with known answers, and stand-ins for what the query view is given.

The model has one factor: video ``v000`` has the largest, ``v001`` the next, and so on. Whoever likes anything has a
positive factor (one division solves it), so everybody's list is v000, v001, ... without what they have seen.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from prometheus_client import CollectorRegistry

from agents.catalogue import CatalogueEntry
from agents.kafka.partitions import partition_of
from agents.rollout.models_in_use import RegionStatus, RejectedVersion
from agents.users.applied_erasures import Applied
from agents.users.user_state import NEW_USER, UserState
from agents.users.users import NotHere
from app.query import QuerySettings, QueryView
from models.factorization.factor_model import FactorModel
from models.factorization.model_description import ModelDescription
from models.feedback.events import Event, Play, Rate
from models.feedback.history import EMPTY_HISTORY, History
from models.inference.recommend import recommend
from models.rollout.announcement import Announcement
from tables.errors import StateUnusable

VIDEOS = 300
STORED = 50
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC).timestamp()
WRITTEN = datetime(2026, 11, 23, 9, 59, 30, tzinfo=UTC)
PARTITIONS = 4


def video(number: int) -> str:
    return f"v{number:03d}"


def ids(start: int, stop: int, seen: Sequence[int] = ()) -> list[str]:
    """The best videos from place `start` to `stop` for somebody who saw some."""
    return [video(number) for number in range(VIDEOS) if number not in set(seen)][start:stop]


def make_model(
    version: str = "one", region: str = "global", n: int = VIDEOS, *, upside_down: bool = False
) -> FactorModel:
    factors = (np.arange(n, 0, -1, dtype=np.float32) / n)[:, np.newaxis]
    if upside_down:
        factors = factors[::-1]
    return FactorModel.build(
        region=region,
        version=version,
        video_ids=[video(number) for number in range(n)],
        factors=np.ascontiguousarray(factors),
        popularity=np.arange(n, dtype=np.float32),  # of all time v299 is the most popular, v000 has no user
        description=ModelDescription(),
    )


def play(number: int, user_id: str = "ann", region: str | None = None, at: int = 0) -> Event:
    ts = datetime(2026, 11, 20, tzinfo=UTC).replace(minute=at % 60, second=number % 60)
    return Play(
        event_id=f"p{number}", user_id=user_id, video_id=video(number), ts=ts, region=region, seconds_watched=1200.0
    )


def rate(number: int, rating: float, user_id: str = "ann") -> Event:
    ts = datetime(2026, 11, 21, tzinfo=UTC)
    return Rate(event_id=f"r{number}", user_id=user_id, video_id=video(number), ts=ts, rating=rating)


def history(*events: Event) -> History:
    return EMPTY_HISTORY.apply(events, 500)


def stored(past: History, model: FactorModel | None, offset: int = 7) -> UserState:
    """The state that the agent would have written."""
    written = UserState(past, offset, b"", int(WRITTEN.timestamp() * 1000))
    if model is None:
        return written
    return written.scored(model.id, recommend(model, [past], STORED)[0])


@dataclass
class MemoryUsers:
    states: dict[str, UserState] = field(default_factory=dict)
    held: set[int] = field(default_factory=lambda: set(range(PARTITIONS)))
    standbys: set[int] = field(default_factory=set)
    reads: list[str] = field(default_factory=list)

    elsewhere: dict[tuple[int, str], UserState] = field(default_factory=dict)
    """States in partitions where murmur2 would not look."""

    def read(self, user_id: str) -> UserState:
        return self.read_in(partition_of(user_id.encode(), PARTITIONS), user_id)

    def read_in(self, partition: int, user_id: str) -> UserState:
        if partition not in self.held:
            raise NotHere(partition)
        self.reads.append(user_id)
        if partition == partition_of(user_id.encode(), PARTITIONS):
            return self.states.get(user_id, NEW_USER)
        return self.elsewhere.get((partition, user_id), NEW_USER)

    def remove(self, partition: int, user_id: str) -> bool:
        if partition == partition_of(user_id.encode(), PARTITIONS):
            return self.states.pop(user_id, None) is not None
        return self.elsewhere.pop((partition, user_id), None) is not None

    def read_standby(self, user_id: str) -> UserState | None:
        return self.states.get(user_id) if partition_of(user_id.encode(), PARTITIONS) in self.standbys else None


@dataclass
class MemoryCheckpointing:
    """Takes no checkpoint, and says where one would be; or says why not."""

    why_not: str | None = None

    async def take(self) -> tuple[Path, list[int]]:
        if self.why_not is not None:
            raise StateUnusable(self.why_not)
        return Path("/data/checkpoints/1"), [0, 2]


@dataclass
class MemorySource:
    """The partitions of the member events, as several workers share them, with nothing in them but erasures.

    A partition's records are applied at once, unless it is `held_up`.
    """

    workers: list["MemoryErasure"] = field(default_factory=list)
    records: dict[int, list[str]] = field(default_factory=lambda: {number: [] for number in range(PARTITIONS)})
    held_up: set[int] = field(default_factory=set)

    def append(self, user_id: str) -> list[int]:
        offsets = []
        for partition, records in self.records.items():
            offsets.append(len(records))
            records.append(user_id)
            for worker in self.workers:
                if partition in worker.users.held:
                    removed = worker.users.remove(partition, user_id)
                    worker.outcomes[partition, offsets[-1]] = removed
        return offsets


@dataclass
class MemoryErasure:
    users: MemoryUsers
    source: MemorySource = field(default_factory=MemorySource)
    asked: list[str] = field(default_factory=list)
    outcomes: dict[tuple[int, int], bool | None] = field(default_factory=dict)
    failure: Exception | None = None
    never: bool = False

    def __post_init__(self) -> None:
        self.source.workers.append(self)

    async def send(self, user_id: str) -> list[int]:
        if self.never:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure
        self.asked.append(user_id)
        return self.source.append(user_id)

    def applied(self, partition: int, offset: int) -> Applied | None:
        if partition not in self.users.held:
            raise NotHere(partition)
        if partition in self.source.held_up or (partition, offset) not in self.outcomes:
            return None
        return Applied(self.outcomes[partition, offset])


@dataclass
class MemoryModels:
    by_region: dict[str, FactorModel] = field(default_factory=dict)
    before: dict[str, FactorModel] = field(default_factory=dict)

    def previous(self, region: str | None) -> FactorModel | None:
        return self.before.get(region or "global")

    def active(self, region: str | None) -> FactorModel | None:
        return self.by_region.get(region or "global") or self.by_region.get("global")

    def status(self) -> list[RegionStatus]:
        refused = [RejectedVersion("bad", "factors.safetensors: NaN in row 3", datetime(2026, 11, 23, tzinfo=UTC))]
        return [
            RegionStatus(
                region=region,
                active=model.version,
                previous=None,
                sequence=1,
                activated_at=WRITTEN,
                videos=model.n_videos,
                factors=model.n_factors,
                rejected=refused,
            )
            for region, model in self.by_region.items()
        ]


@dataclass
class MemoryActivation:
    """Announces what it is asked for, or raises what it is told to."""

    failure: Exception | None = None
    announced: list[Announcement] = field(default_factory=list)

    async def activate(self, region: str, version: str) -> tuple[Announcement, bool]:
        if self.failure is not None:
            raise self.failure
        announcement = Announcement(
            region=region,
            version=version,
            sequence=len(self.announced),
            location=f"{region}/{version}",
            digest="0" * 64,
            published_at=WRITTEN,
        )
        self.announced.append(announcement)
        return announcement, True


@dataclass
class MemoryPopularity:
    lists: dict[str | None, list[tuple[str, int]]] = field(default_factory=dict)
    asked: list[tuple[str | None, int | None, int]] = field(default_factory=list)

    def top(self, region: str | None, days: int | None, limit: int) -> list[tuple[str, int]]:
        self.asked.append((region, days, limit))
        return self.lists.get(region, [])[:limit]


@dataclass
class MemoryRouting:
    own_url: str = "http://worker-0"
    held: set[int] = field(default_factory=lambda: set(range(PARTITIONS)))
    owners: dict[int, str] = field(default_factory=dict)
    standbys: dict[int, str] = field(default_factory=dict)
    partitions: int = PARTITIONS

    def partition_of(self, user_id: str) -> int:
        return partition_of(user_id.encode(), PARTITIONS)

    def holds(self, partition: int) -> bool:
        return partition in self.held

    def owner(self, partition: int) -> str | None:
        return self.own_url if partition in self.held else self.owners.get(partition)

    def all_owners(self) -> dict[int, str]:
        found = {partition: self.owner(partition) for partition in range(PARTITIONS)}
        return {partition: owner for partition, owner in found.items() if owner is not None}

    def unserved(self) -> list[int]:
        return [partition for partition in range(PARTITIONS) if self.owner(partition) is None]

    def workers(self) -> set[str]:
        return {self.own_url, *self.all_owners().values()}

    def standby(self, partition: int) -> str | None:
        return self.standbys.get(partition)


@dataclass
class MemoryHealth:
    reason: str | None = None
    warned: list[str] = field(default_factory=list)

    def warnings(self) -> list[str]:
        return self.warned

    def live(self) -> str | None:
        return self.reason

    def startup(self) -> str | None:
        return self.reason

    def ready(self) -> str | None:
        return self.reason


@dataclass
class MemoryLease:
    lapsed: bool = False
    reason: str = "the group's coordinator has not answered for 7.5 s"


@dataclass
class MemoryMisplaced:
    partitions: set[int] = field(default_factory=set)


class MemoryCatalogue(dict[str, CatalogueEntry]):
    """Changes are counted as the mapping's length is: tests only add entries, and nobody knows which."""

    @property
    def changes(self) -> int:
        return len(self)

    def changed_since(self, changes: int) -> Sequence[str] | None:
        return None


@dataclass
class World:
    """One worker's collaborators, to be changed by a test."""

    users: MemoryUsers = field(default_factory=MemoryUsers)
    models: MemoryModels = field(default_factory=lambda: MemoryModels({"global": make_model()}))
    catalogue: MemoryCatalogue = field(default_factory=MemoryCatalogue)
    popularity: MemoryPopularity = field(default_factory=MemoryPopularity)
    routing: MemoryRouting = field(default_factory=MemoryRouting)
    health: MemoryHealth = field(default_factory=MemoryHealth)
    lease: MemoryLease = field(default_factory=MemoryLease)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    settled: bool = True
    requests: int = 0

    def __post_init__(self) -> None:
        self.misplaced = MemoryMisplaced()
        self.erasure = MemoryErasure(self.users)
        self.checkpointing = MemoryCheckpointing()
        self.activation = MemoryActivation()

    def count_request(self) -> None:
        self.requests += 1

    def view(self, **settings: object) -> QueryView:
        return QueryView(
            users=self.users,
            models=self.models,
            catalogue=self.catalogue,
            popularity=self.popularity,
            routing=self.routing,
            health=self.health,
            lease=self.lease,
            misplaced=self.misplaced,
            erasure=self.erasure,
            checkpointing=self.checkpointing,
            activation=self.activation,
            settled=lambda: self.settled,
            on_request=self.count_request,
            registry=self.registry,
            settings=QuerySettings(**settings),  # type: ignore[arg-type]
            now=lambda: NOW,
        )

    def hold(self, *partitions: int) -> None:
        """Run just these partitions here."""
        self.users.held = set(partitions)
        self.routing.held = set(partitions)

    def misplace(self, partition: int, user_id: str, *events: Event) -> UserState:
        """Store a user in a partition where murmur2 would not look, and let it be known that there are such users."""
        self.misplaced.partitions.add(partition)
        state = self.users.elsewhere[partition, user_id] = stored(history(*events), self.models.active(None))
        return state

    def remember(self, user_id: str, *events: Event) -> UserState:
        """Store a user as the agent would."""
        past = history(*events)
        model = self.models.active(past.region.name if past.region else None)
        self.users.states[user_id] = stored(past, model)
        return self.users.states[user_id]


def catalogue_of(entries: Mapping[int, CatalogueEntry]) -> MemoryCatalogue:
    return MemoryCatalogue({video(number): entry for number, entry in entries.items()})
