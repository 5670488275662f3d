"""A worker whose models come and go."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from agents.events.chunks import Chunk
from agents.rollout.models_in_use import ModelsInUse
from agents.rollout.rescoring import Rescoring, RescoringBounds
from agents.users.user_scores import UserScores
from agents.users.user_state import stamp_of
from app.worker.metrics import WorkerMetrics
from models.factorization.factor_model import FactorModel
from models.factorization.model_id import encoded_version
from models.feedback.events import Event
from tables.batch_table import BatchTable
from tests.support.announcements import announced
from tests.support.event_path.changelog_log import Log
from tests.support.event_path.made_up_events import PEOPLE, STORED_SCORES, ratings
from tests.support.event_path.open_tables import opened
from tests.support.event_path.source_records import PARTITIONS, partition, source
from tests.support.event_path.worker_rig import Worker


class Swapped(Worker):
    """A worker whose models come and go."""

    def __init__(
        self, table: BatchTable, log: Log, models: ModelsInUse, metrics: WorkerMetrics, users: int = 7
    ) -> None:
        placeholder: Any = None
        super().__init__(table, log, placeholder, metrics)
        self.models = models
        self.scores = UserScores(models.active, STORED_SCORES, metrics.users)
        self.member_events._scores = self.scores
        self.rescoring = Rescoring(
            own=self.own,
            scores=self.scores,
            models=models,
            processor=self.processor,
            activity=self.activity,
            bounds=RescoringBounds(users, 1.0),
            metrics=metrics.rollout,
        )

    async def apply(self, happened: Sequence[Event]) -> None:
        """Apply events in one chunk from where the partitions stand."""
        records = source(happened)
        taken = {at: waiting for at, waiting in records.items() if waiting}
        await self.hand_over(Chunk(self.ownership.generation, taken, dict.fromkeys(taken, 0)), acknowledge_first=True)
        await self.stored()

    def row(self, user: str) -> bytes:
        """A user's row."""
        row = self.table.read(partition(user), user.encode())
        assert row is not None
        return row

    def versions(self) -> set[str]:
        """The versions of all lists."""
        return {encoded_version(stamp_of(self.row(person))[0]) for person in PEOPLE}


def serving(model: FactorModel, metrics: WorkerMetrics) -> ModelsInUse:
    """Return one model that serves everybody."""
    models = ModelsInUse(metrics.rollout)
    models.activate(model, announced(model.version, 0))
    return models


@asynccontextmanager
async def with_rows(folder: Path, models: ModelsInUse, metrics: WorkerMetrics) -> AsyncIterator[Swapped]:
    """Run a worker with a row for everybody, whose changelog acknowledges whatever comes."""
    log = Log()
    async with opened(folder) as table:
        worker = Swapped(table, log, models, metrics)
        worker.take_over()
        await worker.apply(ratings(PEOPLE))
        await log.acknowledge(dict.fromkeys(range(PARTITIONS), inf))
        yield worker


def other(model: FactorModel, version: str, seed: int, region: str = "global") -> FactorModel:
    """Another version: other factors of fewer videos, and some that are new."""
    factors = np.random.default_rng(seed).normal(0, 0.5, (30, 6)).astype(np.float32)
    return FactorModel.build(
        region=region,
        version=version,
        video_ids=tuple(f"v{number}" for number in range(15, 45)),
        factors=factors,
        popularity=np.ones(30, np.float32),
        description=model.description,
    )
