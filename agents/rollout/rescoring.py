"""Re-solving users after a swap: in the background, from their histories, through the partitions' one writer.

The rows of the running partitions are looked through, and those whose list is not of the model that serves their user
are made anew, recently active users first, a few between two chunks of events. Every row names its model, so there
is nothing else to remember: after a restart or a rebalance the rows that are left are found again. Until a user's turn
comes, their next event or query solves them.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from agents.events.chunk_agent import ChunkProcessor, Read
from agents.liveness.activity import Activity
from agents.rollout.metrics import RolloutMetrics
from agents.rollout.models_in_use import ModelsInUse, Rescored
from agents.rollout.stale_users import Batch, StaleUsers, survey
from agents.users.own_partitions import OwnPartitions
from agents.users.user_scores import UserScores
from agents.users.user_state import UserState
from agents.users.users import state_of

_FIRST_USERS = 16
_BATCH_SECONDS = 0.05
"""What one batch computes at most: events wait for it, and so does whoever takes the partitions over."""
_LOOK_SECONDS = 1.0
"""How long at most a partition that was taken over waits to be looked through."""


@dataclass(frozen=True, slots=True)
class RescoringBounds:
    """Limits of re-solving.

    Parameters
    ----------
    users : solved between two chunks of events at most; fewer where they would take longer than 50 ms.
    share : of the time that re-solving takes at most while events or requests come, above 0 to 1.
    max_users : of one look; what is beyond it comes in the next.
    """

    users: int
    share: float
    max_users: int = 1_000_000


class Rescoring:
    """Re-solves the users of this worker; see the module.

    Parameters
    ----------
    own : whose rows are made anew.
    scores : makes their lists.
    models : what serves, and where progress is told.
    processor : takes rows in between chunks of events.
    activity : what others want of the worker.
    bounds, metrics : limits; what is counted.
    """

    def __init__(
        self,
        *,
        own: OwnPartitions,
        scores: UserScores,
        models: ModelsInUse,
        processor: ChunkProcessor,
        activity: Activity,
        bounds: RescoringBounds,
        metrics: RolloutMetrics,
    ) -> None:
        self._table = own.table
        self._scores = scores
        self._models = models
        self._ownership = own.ownership
        self._processor = processor
        self._activity = activity
        self._bounds = bounds
        self._metrics = metrics
        self._current: dict[int, tuple[int, int]] = {}
        """By partition: the generation, and the change of the models, for which no row of it is left."""
        self._users: dict[int, Counter[str]] = {}
        """By partition: how many users each region's model serves."""
        self._left: Counter[str] = Counter()
        self._size = min(bounds.users, _FIRST_USERS)
        """Users of the next batch, by what those of the last one took."""

    async def run(self, settled: Callable[[], bool]) -> None:
        """For ever: after every swap, and for every partition that is taken over, re-solve whoever must be.

        While partitions are being taken over, which `settled` tells, others that wait for theirs come first.
        """
        while True:
            self._models.changed.clear()
            while settled() and (partitions := self._to_look_at()):
                await self._go_through(partitions)
            try:
                await asyncio.wait_for(self._models.changed.wait(), _LOOK_SECONDS)
            except TimeoutError:
                continue

    @property
    def _now(self) -> tuple[int, int]:
        return self._ownership.generation, self._models.changes

    def _to_look_at(self) -> list[int]:
        return [one for one in sorted(self._ownership.running) if self._current.get(one) != self._now]

    async def _go_through(self, partitions: list[int]) -> None:
        """Look partitions through and re-solve, until all is done or something has changed."""
        began = self._now
        found = await survey(self._table, partitions, self._models.active, self._bounds.max_users)
        if self._now != began:
            return
        self._begin(found)
        for batch in found.batches(lambda: self._size):
            await self._rescore(batch, began[0])
            if self._now != began:
                return
            self._left.subtract(batch.regions)
            self._tell()
        self._current.update(dict.fromkeys(found.complete, began))
        self._tell()

    async def _rescore(self, batch: Batch, generation: int) -> None:
        """Re-solve some users; while others want something, rest for as long as the share of the time asks."""
        started, served = time.monotonic(), self._activity.served
        count = await self._processor.rewrite(generation, lambda read: self._made_anew(batch, read))
        self._metrics.users_rescored.inc(count)
        if self._activity.served != served:
            await asyncio.sleep((time.monotonic() - started) * (1 / self._bounds.share - 1))

    def _made_anew(self, batch: Batch, read: Read) -> dict[int, dict[bytes, bytes | None]]:
        """Return the rows of those users whose list is not of the active model now; in the thread of the chunks."""
        started = time.perf_counter()
        states: dict[tuple[int, bytes], UserState] = {}
        for partition, keys in batch.keys.items():
            for key, row in zip(keys, read(partition, keys), strict=True):
                state = None if row is None else state_of(self._table, partition, key, row)
                if state is not None:  # it was erased meanwhile, or cannot be read
                    states[partition, key] = state
        rows: dict[int, dict[bytes, bytes | None]] = {}
        for (partition, key), state in self._scores.score(self._stale(states)).items():
            if state is not states[partition, key]:
                rows.setdefault(partition, {})[key] = state.encode()
        took = (time.perf_counter() - started) / batch.regions.total()
        self._size = max(1, min(self._bounds.users, int(_BATCH_SECONDS / took)))
        return rows

    def _stale(self, states: dict[tuple[int, bytes], UserState]) -> dict[tuple[int, bytes], UserState]:
        """Leave out whom an event has brought up to date meanwhile."""
        found = {}
        for at, state in states.items():
            model = self._models.active(state.history.region_name)
            if model is not None and not state.is_of(model):
                found[at] = state
        return found

    def _begin(self, found: StaleUsers) -> None:
        self._users.update(found.users)
        self._users = {one: users for one, users in self._users.items() if one in self._ownership.running}
        self._left = found.left()
        self._tell()

    def _tell(self) -> None:
        """Tell how many users each region's model serves here, and how many of them are left."""
        users: Counter[str] = sum(self._users.values(), Counter())
        done = not self._to_look_at()
        self._models.note_rescored(
            {region: Rescored(users[region], self._left[region], done) for region in self._models.regions()}
        )
