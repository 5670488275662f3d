"""Plain Faust as one of the two systems."""

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

from agents.kafka.connection import Connection
from agents.kafka.topics import TopicSpec, create_topics
from deploy.kafka.plan import Plan
from deploy.kafka.supervised import Supervised
from tests.support.cluster.oracle import read_topic
from tests.support.waiting import wait_for
from tests.system.plain.plain_worker import TABLE
from tests.system.plain.plays import user_and_video
from tests.system.plain.system import PARTITIONS, Tally, committed, ends, is_committed

_STANDSTILL_SECONDS = 20.0  # its commits may never reach the end; so long without any event it has had its chance


class PlainFaust:
    """One plain Faust worker; see `tests.system.plain.plain_worker`."""

    def __init__(self, bootstrap: str, name: str, folder: Path) -> None:
        self.group, self.topic, self.starts = name, f"{name}-events", 0
        self._bootstrap, self._folder = bootstrap, folder
        self._changelog = f"{name}-{TABLE}-changelog"
        self._process: Supervised | None = None

    async def prepare(self) -> None:
        """Make the topics; the changelog first, for Faust may not see one that it makes before its next rebalance."""
        specs = [
            TopicSpec(self.topic, PARTITIONS, "delete"),
            TopicSpec(self._changelog, PARTITIONS, "compact"),
        ]
        await create_topics(Connection(self._bootstrap), specs, replication=1)

    async def start(self, bootstrap: str) -> None:
        """See `System.start`."""
        self.starts += 1
        folder = self._data(self.starts)
        folder.mkdir(parents=True)
        arguments = [self.group, bootstrap, self.topic, str(PARTITIONS), str(folder)]
        log = folder / "log"
        plan = Plan([sys.executable, "-m", "tests.system.plain.plain_worker", *arguments], log, (log,))
        self._process = await asyncio.to_thread(Supervised, plan)

        async def applies() -> bool:
            assert self._running().running(), f"plain Faust ended:\n{log.read_text(errors='replace')[-2000:]}"
            return bool(self._applied(self.starts)) or await self._is_done()

        await wait_for("event that plain Faust applies", applies, 120)

    def kill(self) -> None:
        """See `System.kill`."""
        self._running().kill()

    async def stop(self) -> None:
        """See `System.stop`; it needs two seconds and has fifteen, after which its end would not be a clean one."""
        status = await asyncio.to_thread(self._running().terminate)
        assert status == 0, f"status {status} of plain Faust after SIGTERM: this machine is too busy to show anything"

    async def wait_until_done(self) -> None:
        """See `System.wait_until_done`."""
        clock = asyncio.get_running_loop().time
        done, since = -1, clock()
        while clock() - since < _STANDSTILL_SECONDS and not await self._is_done():
            now = len(self._applied(self.starts))
            if now != done:
                done, since = now, clock()
            await asyncio.sleep(0.2)

    async def tally(self) -> Tally:
        """See `System.tally`: the videos in the newest rows against the plays that were sent, one of each."""
        rows = {record.key: record.value for record in await read_topic(self._bootstrap, self._changelog)}
        played = Counter(
            (json.loads(key), video)
            for key, value in rows.items()
            if value is not None
            for video in json.loads(value)["played"]
        )
        offsets = await committed(self._bootstrap, self)
        sent = await read_topic(self._bootstrap, self.topic)
        lost = sum(not played[user_and_video(record.value)] for record in sent if is_committed(record, offsets))
        return Tally(len(sent), lost, sum(played.values()) - len(played), self.starts)

    async def went_wrong(self) -> bool:
        """Return whether an event was applied twice, or committed and never applied, in all starts so far."""
        times = Counter(place for start in range(1, self.starts + 1) for place in self._applied(start))
        if any(count > 1 for count in times.values()):
            return True
        offsets = await committed(self._bootstrap, self)
        return any((partition, offset) not in times for partition, end in offsets.items() for offset in range(end))

    def end(self) -> None:
        """See `System.end`."""
        if self._process is not None and self._process.running():
            self._process.kill()

    async def _is_done(self) -> bool:
        """Return whether it has applied, or says that it has, the last event of each partition."""
        reached = await committed(self._bootstrap, self)
        for partition, offset in self._applied(self.starts):
            reached[partition] = max(offset + 1, reached.get(partition, 0))
        return all(
            reached.get(partition, 0) >= end for partition, end in (await ends(self._bootstrap, self.topic)).items()
        )

    def _applied(self, start: int) -> list[tuple[int, int]]:
        """Return partition and offset of each event that was applied in one of the starts."""
        path = self._data(start) / "applied"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(int(partition), int(offset)) for partition, offset in map(str.split, lines)]

    def _data(self, start: int) -> Path:
        return self._folder / f"{self.group}-{start}"

    def _running(self) -> Supervised:
        assert self._process is not None
        return self._process
