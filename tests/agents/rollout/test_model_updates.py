"""Announcements: the newest valid one serves, whatever comes before, after or in between."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import structs

from agents.rollout.canary import CanaryResult
from agents.rollout.model_updates import ModelUpdates
from agents.rollout.models_in_use import ModelsInUse
from app.worker.metrics import WorkerMetrics
from models.errors import ArtifactInvalid, ArtifactMissing, StoreUnavailable
from models.evaluation.list_comparison import Comparison, Pair
from models.factorization.factor_model import FactorModel
from models.rollout.announcement import Announcement
from models.rollout.rejection import Rejection, decode_rejection
from tests.support.announcements import announced
from tests.support.waiting import wait_for

BROKEN = "broken"
EQUAL = Comparison(
    users=100,
    overlap=1.0,
    rank_biased_overlap=1.0,
    score_drift=0.0,
    coverage=Pair(0.5, 0.5),
    popularity_share=Pair(0.5, 0.5),
    nothing_to_show=Pair(0.0, 0.0),
    held_out_rank=None,
)


class Clock:
    """Stands in for sleep: remembers how long it was asked to wait, does what comes with it, and never waits."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.then: Callable[[int], Any] = lambda _: None

    async def sleep(self, seconds: float) -> None:
        """Do not wait."""
        self.slept.append(seconds)
        await asyncio.sleep(0)
        if (work := self.then(len(self.slept))) is not None:
            await work


class Store:
    """Stands in for the store: what is in `failures` for a version is raised, first in first out."""

    def __init__(self, model: FactorModel) -> None:
        self.model = model
        self.fetched: list[str] = []
        self.failures: dict[str, list[Exception]] = {}
        self.gates: dict[str, threading.Event] = {}

    def fetch(self, announcement: Announcement) -> FactorModel:
        """Give a model; versions that begin with "broken" are."""
        self.fetched.append(announcement.version)
        if gate := self.gates.get(announcement.version):
            gate.wait(10)
        if failures := self.failures.get(announcement.version):
            raise failures.pop(0)
        if announcement.version.startswith(BROKEN):
            raise ArtifactInvalid("a byte is wrong")
        return replace(self.model, version=announcement.version, region=announcement.region)


class Users:
    """Stands in for the users that candidates are tried on: versions that begin with "wrong" are nothing for them."""

    def __init__(self) -> None:
        self.tried: list[tuple[str, str]] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.too_few = 0
        """Canaries that find too few users to judge by."""

    async def __call__(self, serving: FactorModel, candidate: FactorModel) -> CanaryResult:
        """Hold a candidate against what serves."""
        self.tried.append((serving.version, candidate.version))
        if gate := self.gates.get(candidate.version):
            await gate.wait()
        if self.too_few:
            self.too_few -= 1
            return CanaryResult(None)
        return CanaryResult(EQUAL, ["lists overlap by 0.000"] if candidate.version.startswith("wrong") else [])


@pytest.fixture
def users() -> Users:
    """Users of this worker."""
    return Users()


@pytest.fixture
def told() -> list[Rejection]:
    """What others are told of."""
    return []


@pytest.fixture
def models(metrics: WorkerMetrics) -> ModelsInUse:
    """No model yet."""
    return ModelsInUse(metrics.rollout)


@pytest.fixture
def store(model: FactorModel) -> Store:
    """A store that gives whatever is announced."""
    return Store(model)


@pytest.fixture
def clock() -> Clock:
    """A clock that nobody waits for."""
    return Clock()


@pytest.fixture
async def updates(
    models: ModelsInUse, store: Store, clock: Clock, users: Users, told: list[Rejection]
) -> AsyncIterator[ModelUpdates]:
    """What takes announcements, ended after the test."""

    async def tell(rejection: Rejection) -> None:
        told.append(decode_rejection(rejection.encode()))

    updates = ModelUpdates(models, store.fetch, users, tell, "w1", clock.sleep)
    yield updates
    for task in tasks_of(updates):
        task.cancel()
    await asyncio.gather(*tasks_of(updates), return_exceptions=True)


def tasks_of(updates: ModelUpdates) -> list[asyncio.Task[Any]]:
    """Return the tasks of the regions and that of `settle`."""
    return [task for task in asyncio.all_tasks() if task.get_name().startswith(("models of region", "settle", "late"))]


def record(version: str, sequence: int, region: str = "global", key: bytes | None = None, **more: Any) -> Any:
    """An announcement as the reader hands it over."""
    announcement = announced(version, sequence, region, **more)
    return SimpleNamespace(offset=sequence, key=key or region.encode(), value=announcement.encode())


async def settled(updates: ModelUpdates, *records: Any) -> None:
    """Hand records over as the topic's content at the start, and wait until they are dealt with."""
    for one in records:
        await updates.apply(one)
    read = asyncio.Event()

    async def at_once() -> None:
        read.set()

    task = asyncio.create_task(updates.run(at_once), name="settle")
    await read.wait()
    await asyncio.sleep(0)
    assert not task.done()
    await dealt_with(updates)


async def dealt_with(updates: ModelUpdates) -> None:
    """Wait until nothing is waiting in any region."""
    await asyncio.gather(*updates._regions.values())


async def applied(updates: ModelUpdates, *records: Any) -> None:
    """Hand records over at once, and wait until they are dealt with."""
    for one in records:
        await updates.apply(one)
    await dealt_with(updates)


def active(models: ModelsInUse, region: str | None = None) -> str | None:
    """The version that serves a region."""
    model = models.active(region)
    return model.version if model else None


async def test_at_the_start_only_the_newest_is_fetched(
    updates: ModelUpdates, models: ModelsInUse, store: Store
) -> None:
    await settled(updates, record("a", 0), record("b", 1), record("c", 2))
    assert (active(models), store.fetched) == ("c", ["c"])


async def test_at_the_start_a_broken_newest_gives_way_to_the_one_before(
    updates: ModelUpdates, models: ModelsInUse
) -> None:
    await settled(updates, record("a", 0), record("b", 1), record("broken-c", 2))
    assert active(models) == "b"
    (status,) = models.status()
    assert [(one.version, one.reason) for one in status.rejected] == [("broken-c", "a byte is wrong")]


async def test_nothing_serves_before_the_topic_is_read_to_its_end(updates: ModelUpdates, models: ModelsInUse) -> None:
    await updates.apply(record("a", 0))
    assert active(models) is None
    assert updates._regions == {}


async def test_later_announcements_replace_and_broken_ones_do_not(updates: ModelUpdates, models: ModelsInUse) -> None:
    await settled(updates, record("a", 0))
    await applied(updates, record("broken-b", 1))
    assert active(models) == "a"
    await applied(updates, record("c", 2))
    assert active(models) == "c"
    (status,) = models.status()
    assert (status.active, status.previous, status.sequence) == ("c", "a", 2)


async def test_a_rollback_is_an_older_version_with_a_higher_sequence(
    updates: ModelUpdates, models: ModelsInUse
) -> None:
    await settled(updates, record("a", 0))
    for version, sequence in (("b", 1), ("a", 2)):
        await applied(updates, record(version, sequence))
    assert active(models) == "a"


async def test_an_older_sequence_is_left_alone(updates: ModelUpdates, models: ModelsInUse, store: Store) -> None:
    await settled(updates, record("b", 5))
    await applied(updates, record("a", 5))
    assert (active(models), store.fetched) == ("b", ["b"])


@pytest.mark.parametrize(
    "broken",
    [
        lambda: SimpleNamespace(offset=1, key=b"global", value=b"{"),
        lambda: SimpleNamespace(offset=1, key=b"global", value=None),
        lambda: SimpleNamespace(offset=1, key=None, value=b"{}"),
        lambda: record("x", 9, key=b"us"),
    ],
)
async def test_what_is_no_announcement_is_rejected_and_changes_nothing(
    updates: ModelUpdates, models: ModelsInUse, broken: Callable[[], Any]
) -> None:
    await settled(updates, record("a", 0))
    await applied(updates, broken())
    assert active(models) == "a"
    assert sum(len(status.rejected) for status in models.status()) == 1


async def test_a_region_without_a_model_of_its_own_uses_the_global_one(
    updates: ModelUpdates, models: ModelsInUse
) -> None:
    await settled(updates, record("world", 0), record("states", 0, region="us"))
    assert [active(models, region) for region in ("us", "de", None)] == ["states", "world", "world"]


async def test_rejections_are_bounded(updates: ModelUpdates, models: ModelsInUse) -> None:
    await settled(updates, record("a", 0))
    for number in range(30):
        await applied(updates, record(f"broken-{number}", number + 1))
    (status,) = models.status()
    assert [one.version for one in status.rejected] == [f"broken-{29 - number}" for number in range(20)]


# ---- a store that does not answer, and what nobody expects


def away(times: int) -> list[Exception]:
    """Failures to reach the store."""
    return [StoreUnavailable("mount it") for _ in range(times)]


async def test_an_outage_is_waited_for_and_rejects_nothing(
    updates: ModelUpdates, models: ModelsInUse, store: Store, clock: Clock, metrics: WorkerMetrics
) -> None:
    store.failures["b"] = away(8)
    await settled(updates, record("a", 0), record("b", 1))
    assert (active(models), store.fetched) == ("b", ["b"] * 9)
    assert clock.slept == [1, 2, 4, 8, 16, 32, 60, 60]
    (status,) = models.status()
    assert status.rejected == []
    assert metrics.rollout.model_store_unavailable.labels("global")._value.get() == 8


async def test_a_file_that_is_missing_is_waited_for_a_little(
    updates: ModelUpdates, models: ModelsInUse, store: Store, clock: Clock, told: list[Rejection]
) -> None:
    missing = ArtifactMissing("global/b/manifest.json is missing from the model store")
    store.failures = {"b": [missing] * 3, "c": [missing] * 9}
    await settled(updates, record("a", 0), record("b", 1))
    assert (active(models), clock.slept, told) == ("b", [1, 2, 4], [])
    await applied(updates, record("c", 2))
    assert (active(models), clock.slept) == ("b", [1, 2, 4] * 2)
    assert [(one.version, one.reason) for one in told] == [("c", missing.reason)]


async def test_each_delay_is_told(updates: ModelUpdates, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.failures["a"] = away(2)
    await settled(updates, record("a", 0))
    told = [(one.levelname, one.getMessage()) for one in caplog.records if "again" in one.getMessage()]
    assert told == [
        ("WARNING", f"model a of region global is read again in {seconds} s: mount it") for seconds in (1, 2)
    ]


async def test_the_second_outage_begins_with_a_short_delay(updates: ModelUpdates, store: Store, clock: Clock) -> None:
    store.failures = {"b": [*away(2), ArtifactInvalid("no")], "a": away(1)}
    await settled(updates, record("a", 0), record("b", 1))
    assert clock.slept == [1, 2, 1]


async def test_a_newer_announcement_does_not_wait_for_an_older_one(
    updates: ModelUpdates, models: ModelsInUse, store: Store, clock: Clock
) -> None:
    store.failures["a"] = away(1000)
    clock.then = lambda count: updates.apply(record("b", 1)) if count == 3 else None
    await settled(updates, record("a", 0))
    assert (active(models), store.fetched) == ("b", ["a", "a", "a", "b"])


async def test_a_broken_newer_announcement_gives_way_to_the_one_that_waits(
    updates: ModelUpdates, models: ModelsInUse, store: Store, clock: Clock
) -> None:
    store.failures["a"] = away(2)
    clock.then = lambda count: updates.apply(record("broken-b", 1)) if count == 1 else None
    await settled(updates, record("a", 0))
    assert (active(models), store.fetched) == ("a", ["a", "broken-b", "a", "a"])


async def test_regions_do_not_wait_for_each_other(updates: ModelUpdates, models: ModelsInUse, store: Store) -> None:
    store.gates["slow"] = threading.Event()
    await settled(updates, record("world", 0))
    await updates.apply(record("slow", 0, region="us"))
    try:
        await updates.apply(record("quick", 0, region="fr"))
        await updates._regions["fr"]
        assert [active(models, region) for region in ("fr", "us")] == ["quick", "world"]
    finally:
        store.gates["slow"].set()
    await dealt_with(updates)
    assert active(models, "us") == "slow"


async def test_what_arrives_during_a_read_is_taken_next(
    updates: ModelUpdates, models: ModelsInUse, store: Store
) -> None:
    store.gates["a"] = threading.Event()
    await settled(updates)
    await updates.apply(record("a", 0))
    for version, sequence in (("b", 1), ("c", 2)):
        await updates.apply(record(version, sequence))
    store.gates["a"].set()
    await dealt_with(updates)
    assert active(models) == "c"
    assert "b" not in store.fetched


async def test_of_two_with_one_sequence_the_first_is_taken(updates: ModelUpdates, models: ModelsInUse) -> None:
    await settled(updates, record("a", 0), record("b", 0))
    assert active(models) == "a"


@pytest.mark.parametrize("failure", [OSError(5, "torn", "/srv/models/global"), KeyError("gram"), MemoryError()])
async def test_what_nobody_expects_rejects_the_version_and_ends_nothing(
    updates: ModelUpdates, models: ModelsInUse, store: Store, failure: Exception
) -> None:
    store.failures["b"] = [failure]
    await settled(updates, record("a", 0))
    await applied(updates, record("b", 1))
    (status,) = models.status()
    assert [(one.version, one.reason) for one in status.rejected] == [("b", repr(failure))]
    assert "/srv" not in status.rejected[0].reason
    await applied(updates, record("c", 2))
    assert active(models) == "c"


async def test_announcements_that_wait_are_bounded(updates: ModelUpdates, store: Store, models: ModelsInUse) -> None:
    for sequence in range(1500):
        await updates.apply(record(f"broken-{sequence}", sequence))
    await settled(updates)
    assert store.fetched == [f"broken-{1499 - number}" for number in range(1000)]


async def test_the_previous_model_is_kept_and_no_older_one(models: ModelsInUse, model: FactorModel) -> None:
    for sequence in range(3):
        version = f"v{sequence}"
        models.activate(replace(model, version=version), announced(version, sequence))
    (status,) = models.status()
    assert (status.active, status.previous, status.sequence) == ("v2", "v1", 2)
    previous = models.previous(None)
    assert previous is not None
    assert previous.version == "v1"
    assert models.known(announced("v1", 7)) is previous
    assert models.known(announced("v0", 0)) is None


async def test_a_region_that_gets_a_model_of_its_own_had_the_global_one_before(
    models: ModelsInUse, model: FactorModel
) -> None:
    models.activate(replace(model, version="world"), announced("world", 0))
    assert models.previous("us") is None
    models.activate(replace(model, version="states", region="us"), announced("states", 0, "us"))
    assert models.previous("us") is models.active(None)
    assert models.previous("fr") is None


async def test_a_start_waits_until_what_is_announced_is_active_or_rejected(
    updates: ModelUpdates, models: ModelsInUse, store: Store
) -> None:
    gate = store.gates["a"] = threading.Event()
    await updates.apply(record("a", 0))
    await updates.apply(record("broken-b", 0, region="us"))
    read = asyncio.Event()
    task = asyncio.create_task(updates.run(read.wait), name="settle")
    waiting = asyncio.create_task(updates.settled())
    await asyncio.sleep(0)
    assert not waiting.done(), "the topic is not read to its end"
    read.set()

    async def is_rejected() -> bool:
        return "a" in store.fetched and any(status.rejected for status in models.status())

    await wait_for("rejection of the other region's version", is_rejected)
    assert not waiting.done(), "one of two regions is still being fetched"
    gate.set()
    await asyncio.wait_for(waiting, 10)
    assert active(models) == "a"
    assert not task.done()


async def test_a_start_without_announcements_waits_for_nothing(updates: ModelUpdates) -> None:
    await settled(updates)
    await asyncio.wait_for(updates.settled(), 10)


# ---- the canary on users, and what other workers say


def rejection(version: str, sequence: int, stage: Any = "trial") -> Any:
    """A record of the topic of rejections, of another worker."""
    one = Rejection.of(
        announced(version, sequence), stage, "nothing for our users", "w2", datetime(2026, 1, 1, tzinfo=UTC)
    )
    return SimpleNamespace(offset=0, key=one.key, value=one.encode())


async def test_what_fails_its_canary_is_rejected_and_everybody_is_told(
    updates: ModelUpdates, models: ModelsInUse, users: Users, told: list[Rejection]
) -> None:
    await settled(updates, record("a", 0))
    await applied(updates, record("wrong-b", 1))
    assert (active(models), users.tried) == ("a", [("a", "wrong-b")])
    (status,) = models.status()
    assert [(one.version, one.reason) for one in status.rejected] == [("wrong-b", "lists overlap by 0.000")]
    (one,) = told
    assert (one.version, one.sequence, one.stage, one.worker) == ("wrong-b", 1, "trial", "w1")
    await applied(updates, record("c", 2))
    assert active(models) == "c"


async def test_what_is_broken_is_told_too(updates: ModelUpdates, told: list[Rejection]) -> None:
    await settled(updates, record("a", 0))
    await applied(updates, record("broken-b", 1))
    assert [(one.stage, one.reason) for one in told] == [("artifact", "a byte is wrong")]


async def test_nothing_is_tried_where_nothing_serves(updates: ModelUpdates, models: ModelsInUse, users: Users) -> None:
    await settled(updates, record("wrong-a", 0))
    assert (active(models), users.tried) == ("wrong-a", [])


async def test_the_first_model_of_a_region_is_held_against_the_global_one(
    updates: ModelUpdates, models: ModelsInUse, users: Users
) -> None:
    await settled(updates, record("world", 0))
    await applied(updates, record("states", 0, region="us"))
    assert users.tried == [("world", "states")]
    assert active(models, "us") == "states"


async def test_a_rollback_is_neither_tried_nor_fetched(
    updates: ModelUpdates, models: ModelsInUse, users: Users, store: Store
) -> None:
    await settled(updates, record("a", 0))
    await applied(updates, record("b", 1))
    await applied(updates, record("a", 2, canary=False))
    assert (active(models), store.fetched, users.tried) == ("a", ["a", "b"], [("a", "b")])
    (status,) = models.status()
    assert (status.previous, status.sequence) == ("b", 2)


async def test_the_same_version_announced_again_exchanges_nothing(
    updates: ModelUpdates, models: ModelsInUse, store: Store
) -> None:
    await settled(updates, record("a", 0))
    before = models.changes
    await applied(updates, record("a", 1))
    (status,) = models.status()
    assert (status.active, status.previous, status.sequence, models.changes) == ("a", None, 1, before)
    assert store.fetched == ["a"]


async def test_a_rejection_by_another_workers_canary_is_followed_before_the_canary_here_and_after_it(
    updates: ModelUpdates, models: ModelsInUse, store: Store
) -> None:
    await settled(updates, record("a", 0))
    await updates.apply_rejection(rejection("b", 1))
    await applied(updates, record("b", 1))
    assert (active(models), store.fetched) == ("a", ["a"])
    await applied(updates, record("c", 2))
    await updates.apply_rejection(rejection("c", 2))
    (status,) = models.status()
    assert (status.active, status.sequence) == ("a", 0)
    assert [one.version for one in status.rejected] == ["c", "b"]
    assert "worker w2" in status.rejected[0].reason
    await applied(updates, record("c", 3))
    assert active(models) == "c", "a new announcement of the same version is another chance"


async def test_a_rejection_that_comes_during_the_canary_is_followed(
    updates: ModelUpdates, models: ModelsInUse, users: Users
) -> None:
    await settled(updates, record("a", 0))
    gate = users.gates["b"] = asyncio.Event()
    await updates.apply(record("b", 1))

    async def is_tried() -> bool:
        return bool(users.tried)

    await wait_for("begin of the trial", is_tried)
    await updates.apply_rejection(rejection("b", 1))
    gate.set()
    await dealt_with(updates)
    assert active(models) == "a"


async def test_a_rejection_for_a_workers_own_reasons_is_no_concern_of_others(
    updates: ModelUpdates, models: ModelsInUse
) -> None:
    await settled(updates, record("a", 0))
    await applied(updates, record("b", 1))
    await updates.apply_rejection(rejection("b", 1, "artifact"))
    await updates.apply_rejection(rejection("other", 1))
    for value in (None, b"", b"{", b"[]"):
        broken: Any = SimpleNamespace(offset=1, key=b"global/1", value=value)
        await updates.apply_rejection(broken)
    assert active(models) == "b"


async def test_a_start_on_a_rejected_version_takes_what_its_announcement_names(
    updates: ModelUpdates, models: ModelsInUse, store: Store
) -> None:
    before = announced("a", 3).as_previous
    await updates.apply_rejection(rejection("wrong-b", 4))
    await settled(updates, record("wrong-b", 4, previous_version=before))
    assert (active(models), store.fetched) == ("a", ["a"])
    (status,) = models.status()
    assert status.sequence == 3
    await applied(updates, record("c", 5))
    assert active(models) == "c"


async def test_a_version_that_served_from_the_start_gives_way_when_a_canary_elsewhere_rejects_it(
    updates: ModelUpdates, models: ModelsInUse
) -> None:
    before = announced("a", 3).as_previous
    await settled(updates, record("wrong-b", 4, previous_version=before))
    assert active(models) == "wrong-b"
    await updates.apply_rejection(rejection("wrong-b", 4))
    await dealt_with(updates)
    assert active(models) == "a"
    assert models.status()[0].sequence == 3


# ---- what serves since a start, announced a moment ago


def young(version: str, sequence: int) -> Any:
    """An announcement of this moment, after one of "a"."""
    one = announced(version, sequence, previous_version=announced("a", sequence - 1).as_previous)
    one = structs.replace(one, published_at=datetime.now(UTC))
    return SimpleNamespace(offset=sequence, key=b"global", value=one.encode())


async def late(updates: ModelUpdates) -> None:
    """Wait for the late canaries."""
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name().startswith("late canary")))
    await dealt_with(updates)


async def test_a_start_on_a_version_that_nobody_may_have_tried_tries_it_when_there_are_users(
    updates: ModelUpdates, models: ModelsInUse, users: Users, told: list[Rejection], clock: Clock
) -> None:
    users.too_few = 2
    await settled(updates, young("wrong-b", 4))
    assert active(models) == "wrong-b"
    await late(updates)
    assert users.tried == [("a", "wrong-b")] * 3
    assert clock.slept == [2.0] * 3
    (status,) = models.status()
    assert (status.active, status.sequence) == ("a", 3)
    assert [(one.version, one.stage) for one in told] == [("wrong-b", "trial")]
    await applied(updates, record("c", 5))
    assert active(models) == "c"


async def test_a_start_on_a_good_version_keeps_it(updates: ModelUpdates, models: ModelsInUse, users: Users) -> None:
    await settled(updates, young("b", 4))
    await late(updates)
    assert (active(models), users.tried) == ("b", [("a", "b")])


async def test_what_was_announced_long_ago_was_tried_by_others(
    updates: ModelUpdates, models: ModelsInUse, users: Users
) -> None:
    await settled(updates, record("wrong-b", 4, previous_version=announced("a", 3).as_previous))
    await late(updates)
    assert (active(models), users.tried) == ("wrong-b", [])


async def test_a_late_canary_ends_when_another_version_serves(
    updates: ModelUpdates, models: ModelsInUse, users: Users, clock: Clock
) -> None:
    async def another_serves(count: int) -> None:
        async def does() -> bool:
            return active(models) == "c"

        if count == 2:
            await updates.apply(record("c", 5))
            await wait_for("another version", does)

    clock.then = another_serves
    users.too_few = 1_000
    await settled(updates, young("wrong-b", 4))
    await late(updates)
    assert active(models) == "c"
    assert users.tried.count(("a", "wrong-b")) == 1
    assert clock.slept == [2.0, 2.0], "it does not wait until its time is over"


@pytest.mark.parametrize("failure", [ArtifactInvalid("it is gone"), OSError(5, "torn"), MemoryError()])
async def test_without_the_version_before_there_is_nothing_to_hold_it_against(
    updates: ModelUpdates, models: ModelsInUse, users: Users, store: Store, failure: Exception
) -> None:
    store.failures["a"] = [failure]
    await settled(updates, young("wrong-b", 4))
    await late(updates)
    assert (active(models), users.tried) == ("wrong-b", [])
    await applied(updates, record("c", 5))
    assert active(models) == "c"


async def test_a_late_canary_that_finds_nobody_ends(updates: ModelUpdates, models: ModelsInUse, users: Users) -> None:
    users.too_few = 1_000
    await settled(updates, young("b", 4))
    await late(updates)
    assert (active(models), len(users.tried)) == ("b", 60)
