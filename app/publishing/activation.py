"""Choosing a region's version from a worker: the announcement is the one that `nearline rollback` makes."""

import asyncio

from app.publishing.model_fetch import artifact_limits, signing_key
from app.publishing.model_store import ModelStore
from app.publishing.publish import Publisher
from app.settings.settings import Settings
from app.settings.topics import connection_of
from models.rollout.announcement import Announcement


def publisher_of(settings: Settings) -> Publisher:
    """Return what announces versions, with the store, the broker and the limits that the settings name."""
    return Publisher(
        ModelStore(settings.store),
        connection_of(settings),
        settings.topics.models,
        artifact_limits(settings),
        signing_key(settings),
    )


class Activation:
    """Announces versions, one at a time."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._one_at_a_time = asyncio.Lock()

    async def activate(self, region: str, version: str) -> tuple[Announcement, bool]:
        """Announce a version, as a rollback where the region has served before.

        Raises
        ------
        ArtifactInvalid
            If a worker would reject the version.
        StoreUnavailable
            If the store does not answer.
        JobFailed
            If another publisher was faster.
        """
        async with self._one_at_a_time:
            return await self._publisher.choose(region, version)
