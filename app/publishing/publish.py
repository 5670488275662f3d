"""Publishing: deciding which version a region serves."""

import asyncio
from dataclasses import dataclass

from agents.kafka.connection import Connection
from app.errors import JobFailed
from app.publishing.announcements import RegionAnnouncements, announce, read_announcements
from app.publishing.model_store import ModelStore
from models.artifacts.artifact import manifest_digest, read_artifact, read_manifest
from models.artifacts.artifact_files import ArtifactLimits
from models.errors import ArtifactInvalid
from models.rollout.announcement import Announcement


@dataclass(frozen=True, slots=True)
class Publisher:
    """Where versions lie, where they are announced, and what workers accept.

    Parameters
    ----------
    store : the model store.
    connection, topic : of the announcements.
    limits, verify_key : as the workers have them, so that what they would reject is not announced.
    """

    store: ModelStore
    connection: Connection
    topic: str
    limits: ArtifactLimits
    verify_key: bytes | None = None

    async def publish(self, region: str, version: str, *, canary: bool = True) -> tuple[Announcement, bool]:
        """Read a version to the last byte and announce it.

        Parameters
        ----------
        region, version
            Which.
        canary
            Whether workers try the version on real users before it serves.

        Returns
        -------
        announcement, changed
            The active announcement, and whether it is a new one: a version that is active already is left alone.

        Raises
        ------
        ArtifactInvalid
            If a worker would reject the version.
        JobFailed
            If the version is older than the active one, so that it takes a rollback, or another publisher was faster.
        """
        digest, announced = self.check(region, version), await self._announced(region)
        if announced is not None and not _is_active(announced, version, digest):
            self._check_newer(announced, version, digest)
        return await self._announce(region, version, digest, announced, canary=canary)

    async def roll_back(self, region: str, version: str | None = None) -> tuple[Announcement, bool]:
        """Announce an older version again: `version`, or else the one that was active before.

        After a rollback the version that was active before is the one rolled back from, so a second rollback undoes
        the first. A version that was announced before is not tried again.

        Raises
        ------
        JobFailed
            If nothing was announced, or nobody knows what was active before, or another publisher was faster.
        ArtifactInvalid
            If a worker would reject the version.
        """
        announced = await self._announced(region)
        if announced is None:
            raise JobFailed(f"region {region} has no announced version to roll back from")
        return await self._choose(region, version or self._before(announced), announced)

    async def choose(self, region: str, version: str) -> tuple[Announcement, bool]:
        """Announce a version whatever served before; one that served before is not tried again.

        Raises
        ------
        JobFailed
            If another publisher was faster.
        ArtifactInvalid
            If a worker would reject the version.
        """
        return await self._choose(region, version, await self._announced(region))

    async def _choose(
        self, region: str, version: str, announced: RegionAnnouncements | None
    ) -> tuple[Announcement, bool]:
        digest = await asyncio.to_thread(self.check, region, version)
        canary = announced is None or announced.sequence_of(version, digest) is None
        return await self._announce(region, version, digest, announced, canary=canary)

    def check(self, region: str, version: str) -> str:
        """Read a version as a worker would and return the digest of its manifest.

        Raises
        ------
        ArtifactInvalid
            If a worker would reject it.
        StoreUnavailable
            If the store does not answer.
        """
        digest = manifest_digest(read_manifest(self.store, region, version))
        read_artifact(self.store, region, version, digest=digest, limits=self.limits, verify_key=self.verify_key)
        return digest

    async def _announced(self, region: str) -> RegionAnnouncements | None:
        return (await read_announcements(self.connection, self.topic)).get(region)

    async def _announce(
        self, region: str, version: str, digest: str, announced: RegionAnnouncements | None, *, canary: bool
    ) -> tuple[Announcement, bool]:
        if announced is not None and _is_active(announced, version, digest):
            return announced.newest, False
        made = await announce(self.connection, self.topic, region, version, digest, announced=announced, canary=canary)
        return made, True

    def _check_newer(self, announced: RegionAnnouncements, version: str, digest: str) -> None:
        active, sequence, region = announced.active, announced.sequence_of(version, digest), announced.newest.region
        if active is None or (active.version, active.digest) == (version, digest):
            return
        advice = f"`nearline rollback --region {region} --to {version}` serves it"
        if sequence is not None:
            raise JobFailed(
                f"{region}/{version} was announced before, with sequence {sequence}; active is {active.version} "
                f"with sequence {active.sequence}; {advice}"
            )
        manifest = read_manifest(self.store, region, version, digest=digest)
        if manifest.previous_version == active.version:  # it was made to follow that one, whatever the clocks said
            return
        created = manifest.created
        try:
            newest = read_manifest(self.store, region, active.version, digest=active.digest).created
        except ArtifactInvalid:  # what is active is damaged or deleted, so that anything is an improvement
            return
        if created < newest:
            raise JobFailed(
                f"{region}/{version} was made at {created:%Y-%m-%dT%H:%M:%SZ}, before the active {active.version} "
                f"({newest:%Y-%m-%dT%H:%M:%SZ}); {advice}"
            )

    def _before(self, announced: RegionAnnouncements) -> str:
        if announced.previous is not None:
            return announced.previous.version
        active, region = announced.active, announced.newest.region
        earlier = None if active is None else read_manifest(self.store, region, active.version).previous_version
        if earlier is None:
            served = "" if active is None else f" before {active.version}"
            raise JobFailed(
                f"nothing tells which version region {region} served{served}; choose one of `nearline models` with --to"
            )
        return earlier


def _is_active(announced: RegionAnnouncements, version: str, digest: str) -> bool:
    """Tell whether a version serves, and nothing that was rejected or might be was announced after it."""
    newest = announced.newest
    return announced.active == newest.as_previous and (newest.version, newest.digest) == (version, digest)
