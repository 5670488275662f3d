"""Trying a candidate on real users of this worker, beside traffic, before it may serve anybody."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from agents.users.recent_users import RecentUsers
from agents.users.users import state_of, user_rows
from models.errors import ModelError
from models.evaluation.canary import CanaryLimits, objections
from models.evaluation.list_comparison import Comparison, compare
from models.factorization.factor_model import FactorModel
from models.feedback.history import History
from models.inference.recommend import recommend
from tables.batch_table import BatchTable

_log = logging.getLogger(__name__)
_ROWS_PER_USER = 20
"""Rows that are looked at for each user of a sample; the others may be of other regions."""


@dataclass(frozen=True, slots=True)
class CanaryResult:
    """What a canary found, None when there were too few users to judge by; and why the candidate must not serve."""

    comparison: Comparison | None
    objections: Sequence[str] = ()


RunCanary = Callable[[FactorModel, FactorModel], Awaitable[CanaryResult]]
"""Holds a candidate, the second, against the model that serves its users."""


class Canary:
    """Tries candidates, on users whom the candidate would serve, or serves since the start.

    Parameters
    ----------
    table : whose users are asked.
    recent : users whose events were applied last.
    active_model : the model of a region; a user belongs to a canary when it is the one that is held against.
    users, min_users : the most users in a sample, and the least to judge by; 0 users tries nothing.
    limits : how far a candidate may be from what serves.
    """

    def __init__(
        self,
        *,
        table: BatchTable,
        recent: RecentUsers,
        active_model: Callable[[str | None], FactorModel | None],
        users: int,
        min_users: int,
        limits: CanaryLimits,
    ) -> None:
        self._table = table
        self._recent = recent
        self._active_model = active_model
        self._users = users
        self._min_users = min_users
        self._limits = limits

    async def __call__(self, active: FactorModel, candidate: FactorModel) -> CanaryResult:
        """Compare both versions over a sample of the users that the candidate would serve."""
        if not self._users:
            return CanaryResult(None)
        histories = await asyncio.to_thread(self._sample, active, candidate)
        if len(histories) < self._min_users:
            _log.info(
                "model %s is not tried: this worker has %d users to try it on, %d are needed",
                candidate.version,
                len(histories),
                self._min_users,
            )
            return CanaryResult(None)
        return await asyncio.to_thread(self._compare, active, candidate, histories)

    def _compare(self, active: FactorModel, candidate: FactorModel, histories: list[History]) -> CanaryResult:
        try:
            recommend(candidate, histories, 1)
        except ModelError as error:
            return CanaryResult(None, [f"it cannot solve {len(histories)} users: {error}"])
        try:
            comparison = compare(active, candidate, histories)
        except ModelError as error:  # whatever the candidate is, it is no worse than that
            _log.error("model %s, which serves, cannot be compared with: %s", active.version, error)
            return CanaryResult(None)
        _log.info("model %s was tried on %d users: %s", candidate.version, len(histories), comparison)
        return CanaryResult(comparison, objections(comparison, self._limits))

    def _sample(self, active: FactorModel, candidate: FactorModel) -> list[History]:
        """Return histories that are not empty: of users who did something last, then of others."""
        region, served_by = candidate.region, (active, candidate)
        found: dict[tuple[int, bytes], History] = {}
        for at, row in self._rows():
            if len(found) >= self._users:
                break
            if at in found:
                continue
            state = state_of(self._table, *at, row)
            if state is None:
                continue
            history = state.history
            named = history.region_name
            is_concerned = named == region or active.region == region
            if len(history) and is_concerned and self._active_model(named) in served_by:
                found[at] = history
        return list(found.values())

    def _rows(self) -> Iterator[tuple[tuple[int, bytes], bytes]]:
        running = sorted(self._table.running)
        for partition, key in self._recent.latest_first():
            row = self._read(partition, key) if partition in running else None
            if row is not None:
                yield (partition, key), row
        for partition in running:
            try:
                for key, row in user_rows(self._table, partition, b"", self._users * _ROWS_PER_USER // len(running)):
                    yield (partition, key), row
            except KeyError:  # it was given away meanwhile
                continue

    def _read(self, partition: int, key: bytes) -> bytes | None:
        try:
            return self._table.read(partition, key)
        except KeyError:
            return None
