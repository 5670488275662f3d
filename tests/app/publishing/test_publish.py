"""Which version is newer than the active one: what was made to follow it, whatever the clocks of both machines said."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agents.kafka.connection import Connection
from app.errors import JobFailed
from app.publishing.announcements import RegionAnnouncements
from app.publishing.model_store import ModelStore
from app.publishing.publish import Publisher
from models.artifacts.artifact import manifest_digest, write_artifact
from models.artifacts.manifest import Manifest
from models.rollout.announcement import Announcement
from tests.support.cluster.cluster import LIMITS
from tests.support.cluster.published_models import random_model

NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Rig:
    """A publisher of a store; nothing of it asks a broker here."""

    def __init__(self, folder: Path) -> None:
        self.store = ModelStore(str(folder))
        self.publisher = Publisher(self.store, Connection("127.0.0.1:1"), "models", LIMITS)

    def made(self, seed: int, created: datetime, previous: str | None = None) -> Manifest:
        """Write a version."""
        return write_artifact(
            self.store,
            random_model(seed, n_videos=5),
            metrics={},
            created=created,
            code_version="test",
            data_window={},
            previous_version=previous,
            hyperparameters={},
        )

    def is_newer(self, active: Manifest, candidate: Manifest) -> bool:
        """Whether a version may be published while another one is active."""
        announcement = Announcement(
            region=active.region,
            version=active.version,
            sequence=4,
            location=f"{active.region}/{active.version}",
            digest=manifest_digest(active),
            published_at=NOW,
        )
        try:
            self.publisher._check_newer(
                RegionAnnouncements((announcement,), frozenset()), candidate.version, manifest_digest(candidate)
            )
        except JobFailed:
            return False
        return True


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """A store of its own."""
    return Rig(tmp_path)


def test_what_was_made_to_follow_the_active_version_is_newer_though_its_machine_was_a_day_behind(rig: Rig) -> None:
    active = rig.made(1, NOW)
    assert rig.is_newer(active, rig.made(2, NOW - timedelta(days=1), previous=active.version))
    assert rig.is_newer(active, rig.made(3, NOW + timedelta(days=1), previous=active.version))


def test_what_follows_another_one_or_none_is_judged_by_when_it_was_made(rig: Rig) -> None:
    active = rig.made(1, NOW)
    for seed, previous in ((2, None), (3, "20260101T000000Z-0a0a0a0a")):
        assert not rig.is_newer(active, rig.made(10 * seed, NOW - timedelta(days=1), previous))
        assert rig.is_newer(active, rig.made(10 * seed + 1, NOW + timedelta(days=1), previous))
