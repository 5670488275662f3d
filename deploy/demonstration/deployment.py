"""The deployment of the demonstration: a folder, a broker, and names that nobody else uses."""

import os
import secrets
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient

from agents.kafka.connection import Connection
from agents.kafka.topics import TopicNames
from app.settings.settings import KafkaSettings, Settings, TopicSettings
from app.settings.topics import connection_of, topic_names

_PREFIX = "NEARLINE_"
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Deployment:
    """One run's place.

    Attributes
    ----------
    folder : Path
        Holds the model store, the workers' tables and all logs.
    settings : Settings
        What every process of this run is given.
    borrowed : bool
        Whether the broker is somebody else's, so that our topics must go when we do.
    """

    folder: Path
    settings: Settings
    borrowed: bool

    @classmethod
    def at(cls, folder: Path, bootstrap: str, *, borrowed: bool) -> "Deployment":
        """Choose the names: the usual ones on a broker of our own, else with a prefix of this run."""
        kafka, store = KafkaSettings(bootstrap=bootstrap), str(folder / "models")
        if not borrowed:
            return cls(folder, Settings(kafka=kafka, store=store), borrowed)
        prefix = f"demo-{secrets.token_hex(4)}"
        topics = TopicSettings(
            member_events=f"{prefix}-member-events", catalogue=f"{prefix}-catalogue", models=f"{prefix}-models"
        )
        return cls(folder, Settings(app_id=prefix, kafka=kafka, store=store, topics=topics), borrowed)

    @property
    def connection(self) -> Connection:
        """How to reach the broker."""
        return connection_of(self.settings)

    @property
    def topics(self) -> TopicNames:
        """The names of all topics."""
        return topic_names(self.settings)

    @property
    def variables(self) -> dict[str, str]:
        """The settings that are not the usual ones, as the environment of another process carries them."""
        settings, variables = self.settings, {}
        variables["NEARLINE_KAFKA__BOOTSTRAP"] = settings.kafka.bootstrap
        variables["NEARLINE_STORE"] = settings.store
        if self.borrowed:
            variables["NEARLINE_APP_ID"] = settings.app_id
            variables["NEARLINE_TOPICS__MEMBER_EVENTS"] = settings.topics.member_events
            variables["NEARLINE_TOPICS__CATALOGUE"] = settings.topics.catalogue
            variables["NEARLINE_TOPICS__MODELS"] = settings.topics.models
        return variables

    def enter(self, environment: MutableMapping[str, str] = os.environ) -> None:
        """Make the environment, which child processes inherit, that of this deployment: no setting of anybody else.

        The numeric libraries get one thread each: a worker is one process on one core, and what is learned depends in
        its last bits on the number of threads.
        """
        for name in [name for name in environment if name.startswith(_PREFIX)]:
            del environment[name]
        environment.update(self.variables)
        environment.update(dict.fromkeys(_THREADS, "1"))


async def delete_topics(deployment: Deployment) -> None:
    """Delete this run's topics from a borrowed broker; the names are known by their prefix."""
    admin = AIOKafkaAdminClient(**deployment.connection.client_options())
    await admin.start()
    try:
        prefix = f"{deployment.settings.app_id}-"
        await admin.delete_topics([name for name in await admin.list_topics() if name.startswith(prefix)])
    finally:
        await admin.close()
