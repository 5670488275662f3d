"""The canary of what serves since a start: when it was taken, this worker had no users to try it on.

A version that is announced and not rejected was tried by others, unless it was announced a moment ago. Such a
one is held against the previous version as soon as there are users.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from agents.rollout.canary import CanaryResult, RunCanary
from agents.rollout.models_in_use import ModelsInUse
from models.errors import ModelError
from models.factorization.factor_model import FactorModel
from models.rollout.announcement import Announcement

_log = logging.getLogger(__name__)
_YOUNG = timedelta(minutes=10)
_EVERY_SECONDS = 2.0
_TRIES = 60


class LateCanary:
    """Tries what serves already.

    Parameters
    ----------
    models : what serves.
    fetch : reads and verifies an announced artifact, in a thread; raises a `ModelError`.
    canary : holds the second model against the first, on users whom either serves.
    sleep : waits so many seconds.
    """

    def __init__(
        self,
        models: ModelsInUse,
        fetch: Callable[[Announcement], FactorModel],
        canary: RunCanary,
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        self._models = models
        self._fetch = fetch
        self._canary = canary
        self._sleep = sleep

    @staticmethod
    def is_due(announcement: Announcement) -> bool:
        """Tell whether an announcement is so young that perhaps nobody has tried its version."""
        young = datetime.now(UTC) - announcement.published_at < _YOUNG
        return announcement.canary and announcement.previous is not None and young

    async def run(self, announcement: Announcement, model: FactorModel) -> tuple[FactorModel, CanaryResult] | None:
        """Return the previous version and what the canary found, once there are users; None when nothing is found out.

        It ends when another announcement serves, when the previous version cannot be had, or after two minutes.
        """
        previous = announcement.previous
        if previous is None:
            return None
        try:
            before = await asyncio.to_thread(self._fetch, previous)
        except ModelError as error:
            _log.warning("model %s serves untried, for %s: %s", announcement.version, previous.version, error)
            return None
        for _ in range(_TRIES):
            await self._sleep(_EVERY_SECONDS)
            serving = self._models.serving(announcement.region)
            if serving is None or serving.announcement is not announcement:
                return None
            tried = await self._canary(before, model)
            if tried.comparison is not None or tried.objections:
                return before, tried
        return None
