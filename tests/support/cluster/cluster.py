"""A small deployment of its own on the shared broker: topics, a published model, workers, producers."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from aiokafka import AIOKafkaProducer

from agents.kafka.connection import Connection
from agents.kafka.topics import TopicNames, create_topics, topic_specs
from app.publishing.announcements import announce, read_announcements
from app.publishing.model_store import ModelStore
from app.publishing.publish import Publisher
from deploy.kafka.ports import free_ports
from models.artifacts.artifact_files import ArtifactLimits
from models.factorization.factor_model import FactorModel
from models.names import GLOBAL_REGION
from tests.support.cluster.published_models import N_VIDEOS, random_model, write_model
from tests.support.cluster.worker_process import WorkerProcess

PARTITIONS = 4
LIMITS = ArtifactLimits(max_videos=10_000, max_factors=128, max_bytes=1 << 26)


class Cluster:
    """Everything of one test; its names are its own, so tests can share a broker.

    Parameters
    ----------
    bootstrap : address of the broker.
    name : prefix of topics and group.
    folder : for stores, data and logs.
    store : URL of the model store; by default in the folder.
    replication : copies of each topic.
    """

    def __init__(self, bootstrap: str, name: str, folder: Path, store: str | None = None, replication: int = 1) -> None:
        self.bootstrap, self.folder, self.replication = bootstrap, folder, replication
        self.connection = Connection(bootstrap)
        self.names = TopicNames(name, f"{name}-events", f"{name}-catalogue", f"{name}-models")
        self.store = ModelStore(store or str(folder / "models"))
        self.workers: list[WorkerProcess] = []

    async def create_topics(self) -> None:
        """Create every topic."""
        await create_topics(self.connection, topic_specs(self.names, PARTITIONS), self.replication)

    async def publish(
        self, seed: int = 1, n_videos: int = N_VIDEOS, region: str = GLOBAL_REGION, version: str | None = None
    ) -> FactorModel:
        """Make a random model, write it, announce it."""
        model = random_model(seed, n_videos, region, version)
        manifest = write_model(self.store, model)
        await self.publisher().publish(model.region, manifest.version)
        return model

    def publisher(self) -> Publisher:
        """Return what announces versions."""
        return Publisher(self.store, self.connection, self.names.models, LIMITS)

    async def announce(self, region: str, version: str, digest: str) -> None:
        """Announce a version without a look at it, as a broken job would."""
        previous = (await read_announcements(self.connection, self.names.models)).get(region)
        await announce(self.connection, self.names.models, region, version, digest, announced=previous)

    def environment(self) -> dict[str, str]:
        """Return the settings of every worker."""
        return {
            "NEARLINE_APP_ID": self.names.app_id,
            "NEARLINE_KAFKA__BOOTSTRAP": self.bootstrap,
            "NEARLINE_KAFKA__REPLICATION": str(self.replication),
            "NEARLINE_STORE": self.store.url,
            "NEARLINE_TOPICS__MEMBER_EVENTS": self.names.member_events,
            "NEARLINE_TOPICS__CATALOGUE": self.names.catalogue,
            "NEARLINE_TOPICS__MODELS": self.names.models,
            "NEARLINE_TOPICS__PARTITIONS": str(PARTITIONS),
            "NEARLINE_WORKER__SESSION_TIMEOUT_SECONDS": "6",
            "NEARLINE_HTTP__FORWARD_TIMEOUT_MS": "2000",
            "NEARLINE_CANARY__MIN_USERS": "5",
            "NEARLINE_CANARY__MIN_OVERLAP": "0",  # models of random factors have nothing to do with each other
            "NEARLINE_CANARY__MAX_HELD_OUT_RISE": "1",
        }

    def worker(self, id: str, **settings: str) -> WorkerProcess:  # noqa: A002
        """Make a worker that is not started yet, with more settings by their environment names."""
        worker = WorkerProcess(id, free_ports(1)[0], self.folder, {**self.environment(), **settings})
        self.workers.append(worker)
        return worker

    async def start_workers(self, count: int) -> list[WorkerProcess]:
        """Start so many workers and wait until all are ready."""
        workers = [self.worker(str(number)) for number in range(count)]
        for worker in workers:
            worker.start()
        for worker in workers:
            await worker.ready()
        return workers

    async def send(self, records: Iterable[tuple[bytes | None, bytes | None]]) -> None:
        """Send keys and values as any client does: a plain producer with the murmur2 partitioner."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all", linger_ms=5)
        await producer.start()
        try:
            for key, value in records:
                await producer.send(self.names.member_events, key=key, value=value)
            await producer.flush()
        finally:
            await producer.stop()

    async def send_to(self, partition: int, records: Iterable[tuple[bytes | None, bytes | None]]) -> None:
        """Send keys and values to one partition, wherever their keys would put them."""
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all") as producer:
            sent = [
                await producer.send(self.names.member_events, key=key, value=value, partition=partition)
                for key, value in records
            ]
            await asyncio.gather(*sent)

    def end(self) -> None:
        """End every process of this cluster."""
        for worker in self.workers:
            worker.end()
