"""The app's own parts begin and end with it, and with its partitions."""

import gc
from pathlib import Path

import pytest

from app.settings.settings import Settings
from app.worker.faust_app import make_faust_app
from app.worker.faust_seam import StreamApp


class Recorded:
    """Parts that note what they are told."""

    def __init__(self, told: list[str]) -> None:
        self.told = told

    async def start(self) -> None:
        """Start."""
        self.told.append("start")

    async def stop(self) -> None:
        """Stop."""
        self.told.append("stop")

    async def assigned(self) -> None:
        """Begin with partitions."""
        self.told.append("assigned")

    async def revoked(self) -> None:
        """End with partitions."""
        self.told.append("revoked")


@pytest.fixture
def app(tmp_path: Path) -> StreamApp:
    return make_faust_app(Settings(data_dir=tmp_path))


async def test_parts_hear_of_partitions_as_long_as_the_app_lives_and_of_none_when_it_stops(app: StreamApp) -> None:
    told: list[str] = []
    app.begins_and_ends(Recorded(told))
    gc.collect()  # nothing but the app holds them
    await app.on_partitions_assigned.send(set())
    await app.on_partitions_revoked.send(set())
    assert told == ["assigned", "revoked"]
    app._stopped.set()
    await app.on_partitions_assigned.send(set())
    await app.on_partitions_revoked.send(set())
    assert told == ["assigned", "revoked", "revoked"]


def test_parts_are_given_once(app: StreamApp) -> None:
    app.begins_and_ends(Recorded([]))
    with pytest.raises(RuntimeError, match="given already"):
        app.begins_and_ends(Recorded([]))
