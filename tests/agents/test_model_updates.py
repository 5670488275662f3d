"""Announcements: the newest valid one serves, whatever comes before, after or in between."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from agents.metrics import Metrics
from agents.model_updates import ModelsInUse, ModelUpdates
from models.announcement import Announcement
from models.errors import ArtifactInvalid
from models.factor_model import FactorModel

BROKEN = "broken"


@pytest.fixture
def models(metrics: Metrics) -> ModelsInUse:
    """No model yet."""
    return ModelsInUse(metrics)


@pytest.fixture
def fetched() -> list[str]:
    """Versions that were fetched, in order."""
    return []


@pytest.fixture
def updates(models: ModelsInUse, model: FactorModel, fetched: list[str]) -> ModelUpdates:
    """What takes announcements; versions that begin with "broken" are."""

    def fetch(announcement: Announcement) -> FactorModel:
        fetched.append(announcement.version)
        if announcement.version.startswith(BROKEN):
            raise ArtifactInvalid("a byte is wrong")
        return replace(model, version=announcement.version, region=announcement.region)

    return ModelUpdates(models, fetch)


def record(version: str, sequence: int, region: str = "global", key: bytes | None = None) -> Any:
    """An announcement as the reader hands it over."""
    announcement = Announcement(
        region=region,
        version=version,
        sequence=sequence,
        location=f"{region}/{version}",
        digest="0" * 64,
        published_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return SimpleNamespace(offset=sequence, key=key or region.encode(), value=announcement.encode())


async def settled(updates: ModelUpdates, *records: Any) -> None:
    """Hand records over as the topic's content at the start."""
    for one in records:
        await updates.apply(one)

    async def at_once() -> None:
        return None

    await updates.settle(at_once)


def active(models: ModelsInUse, region: str | None = None) -> str | None:
    """The version that serves a region."""
    model = models.active(region)
    return model.version if model else None


async def test_at_the_start_only_the_newest_is_fetched(
    updates: ModelUpdates, models: ModelsInUse, fetched: list[str]
) -> None:
    await settled(updates, record("a", 0), record("b", 1), record("c", 2))
    assert (active(models), fetched) == ("c", ["c"])


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


async def test_later_announcements_replace_and_broken_ones_do_not(updates: ModelUpdates, models: ModelsInUse) -> None:
    await settled(updates, record("a", 0))
    await updates.apply(record("broken-b", 1))
    assert active(models) == "a"
    await updates.apply(record("c", 2))
    assert active(models) == "c"
    (status,) = models.status()
    assert (status.active, status.previous, status.sequence) == ("c", "a", 2)


async def test_a_rollback_is_an_older_version_with_a_higher_sequence(
    updates: ModelUpdates, models: ModelsInUse
) -> None:
    await settled(updates, record("a", 0))
    for version, sequence in (("b", 1), ("a", 2)):
        await updates.apply(record(version, sequence))
    assert active(models) == "a"


async def test_an_older_sequence_is_left_alone(updates: ModelUpdates, models: ModelsInUse, fetched: list[str]) -> None:
    await settled(updates, record("b", 5))
    await updates.apply(record("a", 5))
    assert (active(models), fetched) == ("b", ["b"])


@pytest.mark.parametrize(
    "broken",
    [
        lambda: SimpleNamespace(offset=1, key=b"global", value=b"{"),
        lambda: SimpleNamespace(offset=1, key=b"global", value=None),
        lambda: SimpleNamespace(offset=1, key=None, value=b"{}"),
        lambda: record("x", 9, key=b"us"),
    ],
)
async def test_what_is_no_announcement_is_refused_and_changes_nothing(
    updates: ModelUpdates, models: ModelsInUse, broken: Callable[[], Any]
) -> None:
    await settled(updates, record("a", 0))
    await updates.apply(broken())
    assert active(models) == "a"
    assert sum(len(status.rejected) for status in models.status()) == 1


async def test_a_region_without_a_model_of_its_own_uses_the_global_one(
    updates: ModelUpdates, models: ModelsInUse
) -> None:
    await settled(updates, record("world", 0), record("states", 0, region="us"))
    assert [active(models, region) for region in ("us", "de", None)] == ["states", "world", "world"]


async def test_refusals_are_bounded(updates: ModelUpdates, models: ModelsInUse) -> None:
    await settled(updates, record("a", 0))
    for number in range(30):
        await updates.apply(record(f"broken-{number}", number + 1))
    (status,) = models.status()
    assert [one.version for one in status.rejected] == [f"broken-{29 - number}" for number in range(20)]
