"""Nearline as one of the two systems: the worker process, held against the oracle of the integration tests."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from agents.popularity.own_popularity import POPULARITY_PREFIX, decode_count
from agents.users.user_state import UserState
from deploy.kafka.ports import free_ports
from models.factorization.factor_model import FactorModel
from tables.applied_offset import RESERVED
from tests.support.cluster.cluster import Cluster
from tests.support.cluster.oracle import expect, newest_rows, read_topic
from tests.support.cluster.verdict import check_changelog
from tests.support.cluster.worker_process import WorkerProcess
from tests.support.waiting import wait_for
from tests.system.plain.plain_worker import ROW_BYTES
from tests.system.plain.plays import VIDEOS, user_and_video
from tests.system.plain.system import Tally, committed, ends, is_committed

_BYTES_PER_SCORE = 8


class Nearline:
    """One worker process."""

    def __init__(self, bootstrap: str, name: str, folder: Path) -> None:
        self._cluster = Cluster(bootstrap, name, folder)
        self.topic, self.group, self.starts = self._cluster.names.member_events, f"{name}-reader", 0
        self._bootstrap, self._port = bootstrap, free_ports(1)[0]
        self._worker: WorkerProcess | None = None
        self._model: FactorModel | None = None

    async def prepare(self) -> None:
        """Make the topics and publish a model."""
        await self._cluster.create_topics()
        self._model = await self._cluster.publish(n_videos=VIDEOS)

    async def start(self, bootstrap: str) -> None:
        """See `System.start`."""
        self.starts += 1
        settings = {
            "NEARLINE_KAFKA__BOOTSTRAP": bootstrap,
            "NEARLINE_USERS__STORED_SCORES": str(ROW_BYTES // _BYTES_PER_SCORE),
        }
        environment = self._cluster.environment() | settings
        self._worker = WorkerProcess("0", self._port, self._cluster.folder, environment)
        self._worker.lose_data()
        self._worker.start()
        await self._worker.ready(120)

    def kill(self) -> None:
        """See `System.kill`."""
        self._running().kill()

    async def stop(self) -> None:
        """See `System.stop`."""
        status = await asyncio.to_thread(self._running().stop, 60)
        assert status == 0, f"status {status} after SIGTERM:\n{self._running().log_tail()}"

    async def wait_until_done(self) -> None:
        """See `System.wait_until_done`; nothing else will do than its commits at the end of the topic."""

        async def is_done() -> bool:
            assert self._running().alive, self._running().log_tail()
            return await committed(self._bootstrap, self) == await ends(self._bootstrap, self.topic)

        await wait_for("commit at the end of the topic", is_done, 120)

    async def tally(self) -> Tally:
        """See `System.tally`: histories and counts of plays in the newest rows; where none is wrong, every row is held
        against the oracle, too.
        """
        changelog = await read_topic(self._bootstrap, self._cluster.names.users_changelog)
        sent = await read_topic(self._bootstrap, self.topic)
        offsets = await committed(self._bootstrap, self)
        facts, counts = _what_is_there(newest_rows(changelog))
        read = [record for record in sent if is_committed(record, offsets)]
        unknown = sum(user_and_video(record.value) not in facts for record in read)
        expected = expect(sent)
        uncounted = (expect(read).likes - counts).total()
        tally = Tally(len(sent), max(unknown, uncounted), (counts - expected.likes).total(), self.starts)
        if not tally.lost and not tally.doubled:
            assert self._model is not None
            await check_changelog(self._cluster, self._model, expected)
        return tally

    def end(self) -> None:
        """Leave nothing running."""
        if self._worker is not None:
            self._worker.end()

    def _running(self) -> WorkerProcess:
        assert self._worker is not None
        return self._worker


def _what_is_there(rows: Mapping[tuple[int, bytes], bytes]) -> tuple[set[tuple[str, str]], Counter[str]]:
    """Return user and video of each fact of a history, and how often each video counts as played."""
    facts: set[tuple[str, str]] = set()
    counts: Counter[str] = Counter()
    for (_, key), row in rows.items():
        if key.startswith(POPULARITY_PREFIX):
            _, _, video, count = decode_count(key, row)
            counts[video] += count
        elif not key.startswith(RESERVED):
            facts |= {(key.decode(), video) for video in UserState.decode(row).history.videos}
    return facts, counts
