"""The app's own parts begin and end with it; its consumer stays in the group, and looks before it shares out."""

import asyncio
import gc
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.settings.settings import Settings
from app.worker.faust_app import make_faust_app
from app.worker.faust_seam import (
    PromptThread,
    StreamApp,
    look_before_sharing_out,
)


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


async def test_the_consumer_may_be_idle_for_ever_whatever_fausts_setting_says(app: StreamApp) -> None:
    app.conf.broker_max_poll_interval = 20.0
    thread = cast("Any", app.consumer)._thread
    thread.thread_loop.close()  # it never runs
    assert isinstance(thread, PromptThread)
    consumer = thread._create_worker_consumer(app.transport)
    await consumer.stop()
    assert consumer._max_poll_interval_ms == math.inf
    assert consumer._rebalance_timeout_ms == 60_000


class Leader:
    """A coordinator that leads its group, as far as sharing out goes."""

    def __init__(self, answers: bool) -> None:
        self.steps: list[str] = []
        self._answers = answers
        self._client = SimpleNamespace(force_metadata_update=self._look)

    async def _look(self) -> bool:
        self.steps.append("look")
        return self._answers or await asyncio.Event().wait()

    async def _perform_assignment(self, response: str) -> str:
        self.steps.append("share out")
        return f"assignment of {response}"


@pytest.mark.parametrize("answers", [True, False])
async def test_a_leader_looks_which_topics_there_are_before_it_shares_out_but_not_for_long(
    answers: bool,
) -> None:
    leader = Leader(answers)
    look_before_sharing_out(cast("Any", leader))
    async with asyncio.timeout(30):
        assert await leader._perform_assignment("all") == "assignment of all"
    assert leader.steps == ["look", "share out"]
