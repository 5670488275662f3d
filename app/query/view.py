"""What the query view is made of: its collaborators, as narrow as it uses them, and its settings."""

import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from prometheus_client import CollectorRegistry

from agents.catalogue import CatalogueEntry
from agents.rollout.models_in_use import RegionStatus
from agents.users.applied_erasures import Applied
from agents.users.user_state import UserState
from models.factorization.factor_model import FactorModel
from models.rollout.announcement import Announcement


class Users(Protocol):
    """The users of this worker."""

    def read(self, user_id: str) -> UserState:
        """Return the user's state, `NEW_USER` when nothing is stored; raises `agents.users.users.NotHere`."""

    def read_in(self, partition: int, user_id: str) -> UserState:
        """Return what a partition has of the user, wherever they belong; raises `agents.users.users.NotHere`."""

    def read_standby(self, user_id: str) -> UserState | None:
        """Return the user's state in a standby of a partition that does not run here, None without one."""


class Erasure(Protocol):
    """What erases users."""

    async def send(self, user_id: str) -> Sequence[int]:
        """Send an erasure to every partition; return its offsets; raises `agents.users.erasure.ErasureNotSent`."""

    def applied(self, partition: int, offset: int) -> Applied | None:
        """Return what an erasure came to, None while it is not applied; raises `agents.users.users.NotHere`."""


class Checkpointing(Protocol):
    """What takes checkpoints of this worker's tables."""

    async def take(self) -> tuple[Path, list[int]]:
        """Write a checkpoint; return its folder and its partitions; raises `tables.errors.StateUnusable`."""


class Models(Protocol):
    """The models in use."""

    def active(self, region: str | None) -> FactorModel | None:
        """Return the model that serves a region now, None when there is none."""

    def previous(self, region: str | None) -> FactorModel | None:
        """Return the model that served a region before, None when there is none."""

    def status(self) -> list[RegionStatus]:
        """Return what is active and what was rejected, by region."""


class Activation(Protocol):
    """What chooses the version that a region serves, on every worker."""

    async def activate(self, region: str, version: str) -> tuple[Announcement, bool]:
        """Announce a version; return the announcement that counts, and whether it is new.

        Raises `models.errors.ArtifactInvalid`, `models.errors.StoreUnavailable` or `app.errors.JobFailed`.
        """


class Catalogue(Protocol):
    """What is known of videos."""

    @property
    def changes(self) -> int:
        """How often anything changed."""

    def changed_since(self, changes: int) -> Sequence[str] | None:
        """Return the videos that changed since `changes` had a value, None if nobody knows them any more."""

    def get(self, video_id: str) -> CatalogueEntry | None:
        """Return the entry of a video; called from threads, too."""


class Popularity(Protocol):
    """Plays and likes, counted over all workers."""

    def top(self, region: str | None, days: int | None, limit: int) -> list[tuple[str, int]]:
        """Return the most popular videos and their counts, largest first; `limit` <= 1,000."""


class Routing(Protocol):
    """Who holds which partition."""

    @property
    def own_url(self) -> str:
        """The base URL that this worker advertises, without a slash at the end."""

    @property
    def partitions(self) -> int:
        """Number of partitions."""

    def partition_of(self, user_id: str) -> int:
        """Return the user's partition, wherever it runs."""

    def holds(self, partition: int) -> bool:
        """Return whether the partition runs on this worker now."""

    def owner(self, partition: int) -> str | None:
        """Return the base URL of the partition's owner, None while it has none."""

    def all_owners(self) -> Mapping[int, str]:
        """Return the base URL of each partition's owner, without those that have none."""

    def unserved(self) -> list[int]:
        """Return the partitions that no worker has."""

    def workers(self) -> AbstractSet[str]:
        """Return the base URLs of all workers, those without partitions included."""

    def standby(self, partition: int) -> str | None:
        """Return the base URL of the worker that keeps a standby of the partition, None where there is none."""


class Misplaced(Protocol):
    """Users who are not where murmur2 of their id says, because their producer uses another partitioner."""

    @property
    def partitions(self) -> AbstractSet[int]:
        """The partitions, of all workers, that have any."""


class Health(Protocol):
    """Each answer is None for yes, or the reason why not."""

    def live(self) -> str | None:
        """Return why the worker should be restarted."""

    def startup(self) -> str | None:
        """Return what the first start still waits for."""

    def ready(self) -> str | None:
        """Return why no traffic should come here now."""

    def warnings(self) -> list[str]:
        """Return what is wrong although traffic may come, a sentence each."""


class Lease(Protocol):
    """What this worker knows of its membership, see `agents.liveness.lease`."""

    @property
    def lapsed(self) -> bool:
        """Whether the group has not been heard of for so long that no answer from this worker's rows is fresh."""

    @property
    def reason(self) -> str:
        """Why a lease is lapsed, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySettings:
    """What the query view is told.

    Parameters
    ----------
    fallback_days : the popular list of a user without history counts so many days, at least 1.
    history_limit : facts that are kept of the events of an anonymous request.
    forward_timeout_ms : deadline of the whole exchange with another worker.
    max_body_bytes : largest body of a request.
    max_solving : requests that may be solved on the spot at one time; the next ones get 429.
    read_keys, admin_keys : API keys; with any of them set, every `/v1` call needs one. An admin key may do what a
        read key may.
    """

    fallback_days: int = 10
    history_limit: int = 500
    forward_timeout_ms: int = 250
    max_body_bytes: int = 65_536
    max_solving: int = 32
    read_keys: tuple[str, ...] = ()
    admin_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryView:
    """Everything that the query view is given.

    Parameters
    ----------
    users, models, catalogue, popularity, routing, health, misplaced : what it reads.
    lease : whether what is read of this worker's own partitions is fresh.
    erasure, checkpointing, activation : what an admin may have done.
    settled : whether the worker knows what every worker knows: models, videos, counts. Until then it makes no list.
    on_request : called for every list that is asked for.
    registry : Prometheus metrics go there, and `/metrics` shows it.
    settings : bounds, deadlines and keys.
    now : the clock, seconds since the epoch.
    """

    users: Users
    models: Models
    catalogue: Catalogue
    popularity: Popularity
    routing: Routing
    health: Health
    lease: Lease
    misplaced: Misplaced
    erasure: Erasure
    checkpointing: Checkpointing
    activation: Activation
    settled: Callable[[], bool]
    on_request: Callable[[], None]
    registry: CollectorRegistry
    settings: QuerySettings = QuerySettings()
    now: Callable[[], float] = time.time
