"""A deployment of its own on the run's broker: names, topics, a published model, worker processes."""

import asyncio
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiokafka.admin import AIOKafkaAdminClient

from agents.kafka.connection import Connection
from agents.kafka.topics import TopicNames, create_topics, topic_specs
from app.publishing.publish import Publisher
from deploy.kafka.plan import Plan
from deploy.kafka.ports import free_ports
from deploy.kafka.supervised import Supervised
from models.artifacts.artifact_files import ArtifactLimits
from models.artifacts.store import ModelStore
from models.factorization.factor_model import FactorModel
from tests.benchmarks.processes import cpu_seconds, thread_cpu_seconds
from tests.benchmarks.progress import Sample
from tests.support.cluster.published_models import write_model

_LIMITS = ArtifactLimits(max_videos=2_000_000, max_factors=1024, max_bytes=2 << 30)
_APPLIED = re.compile(r"^nearline_events_applied_total\{[^}]*\} (\S+)$", re.MULTILINE)
_SAMPLE_SECONDS = 0.15


class BenchmarkFailed(Exception):
    """Something that a measurement needs did not happen in time."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Names and places; several may read one topic of events.

    Parameters
    ----------
    bootstrap, partitions : of the broker and its topics.
    app_id : prefix of everything that is this deployment's own.
    events : topic of member events, perhaps another deployment's.
    folder : for the model store, tables and logs; exists.
    ports : of its workers so far, by number: a worker keeps its address when it is started again.
    """

    bootstrap: str
    app_id: str
    events: str
    folder: Path
    partitions: int
    ports: dict[int, int] = field(default_factory=dict, compare=False)

    @property
    def connection(self) -> Connection:
        """How to reach the broker."""
        return Connection(self.bootstrap)

    @property
    def names(self) -> TopicNames:
        """The topics."""
        return TopicNames(self.app_id, self.events, f"{self.app_id}-catalogue", f"{self.app_id}-models")

    async def prepare(self, model: FactorModel) -> None:
        """Make the topics that do not exist, write the model and announce it."""
        await create_topics(self.connection, topic_specs(self.names, self.partitions), replication=1)
        store = ModelStore(str(self.folder / "models"))
        if model.version not in store.versions(model.region):
            await asyncio.to_thread(write_model, store, model)
        await Publisher(store, self.connection, self.names.models, _LIMITS).publish(model.region, model.version)

    def settings(self) -> dict[str, str]:
        """Return the settings of every worker, as its environment carries them."""
        return {
            "NEARLINE_APP_ID": self.app_id,
            "NEARLINE_KAFKA__BOOTSTRAP": self.bootstrap,
            "NEARLINE_STORE": str(self.folder / "models"),
            "NEARLINE_TOPICS__MEMBER_EVENTS": self.events,
            "NEARLINE_TOPICS__CATALOGUE": self.names.catalogue,
            "NEARLINE_TOPICS__MODELS": self.names.models,
            "NEARLINE_TOPICS__PARTITIONS": str(self.partitions),
            "NEARLINE_WORKER__SESSION_TIMEOUT_SECONDS": "20",
        }

    async def remove(self) -> None:
        """Delete this deployment's topics, so that a long run does not fill the disk; nothing uses them any more."""
        admin = AIOKafkaAdminClient(**self.connection.client_options())
        await admin.start()
        try:
            own = [name for name in await admin.list_topics() if name.startswith(f"{self.app_id}-")]
            if own:
                await admin.delete_topics(own)
        finally:
            await admin.close()

    @asynccontextmanager
    async def worker(self, number: int = 0, **settings: str) -> AsyncIterator["Worker"]:
        """Run a worker process with an empty table; stop it and delete its data at the end. It may not be ready yet."""
        port = self.ports.get(number) or free_ports(1)[0]
        self.ports[number] = port
        name = f"{self.app_id}-{number}"
        command = [sys.executable, "-m", "app", "worker", "--id", str(number), "--http-port", str(port)]
        log = self.folder / f"{name}.log"
        data = self.folder / name
        plan = Plan([*command, "--data-dir", str(data)], log, (log,), {**self.settings(), **settings})
        process = Supervised(plan)
        try:
            async with aiohttp.ClientSession() as session:
                yield Worker(process, f"http://127.0.0.1:{port}", log, session)
        finally:
            if process.running():
                await asyncio.to_thread(process.terminate)
            await asyncio.to_thread(shutil.rmtree, data, ignore_errors=True)  # perhaps it never made it


@dataclass(frozen=True, slots=True)
class Worker:
    """A running worker process."""

    process: Supervised
    url: str
    log: Path
    session: aiohttp.ClientSession

    @property
    def pid(self) -> int:
        """The process itself."""
        return self.process.pid

    async def ready(self, seconds: float = 120.0) -> float:
        """Wait until it says that it is ready; return the seconds that took."""
        started = time.monotonic()
        while True:
            try:
                async with self.session.get(f"{self.url}/health/ready") as response:
                    if response.status == 200:
                        return time.monotonic() - started
            except aiohttp.ClientError:
                pass  # it does not listen yet
            self._check(time.monotonic() - started < seconds, "was not ready in time")
            await asyncio.sleep(0.02)

    async def metrics(self) -> str:
        """Return what Prometheus would scrape."""
        async with self.session.get(f"{self.url}/metrics") as response:
            return await response.text()

    async def sample(self) -> Sample:
        """Return the events applied and what they cost so far."""
        applied = applied_events(await self.metrics())
        return Sample(applied, cpu_seconds(self.pid), time.perf_counter(), thread_cpu_seconds(self.pid))

    async def apply_all(self, events: int, seconds: float = 300.0) -> list[Sample]:
        """Wait until so many events are applied; return the samples on the way."""
        samples = [await self.sample()]
        started = time.monotonic()
        while samples[-1].events < events:
            self._check(time.monotonic() - started < seconds, f"applied {samples[-1].events} of {events} events")
            await asyncio.sleep(_SAMPLE_SECONDS)
            samples.append(await self.sample())
        return samples

    def _check(self, good: bool, problem: str) -> None:
        if not (good and self.process.running()):
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
            raise BenchmarkFailed(f"the worker {problem}, or it ended:\n{tail}")


def applied_events(metrics: str) -> float:
    """Return how many events a worker has applied, from what Prometheus would scrape."""
    return sum(map(float, _APPLIED.findall(metrics)))


def metric(metrics: str, name: str) -> float:
    """Return the value of a metric without labels."""
    found: Mapping[str, str] = dict(
        line.split(" ", 1) for line in metrics.splitlines() if line and not line.startswith("#") and " " in line
    )
    return float(found[name])
