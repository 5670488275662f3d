"""Publishing: deciding which version a region serves, and finding out what there is to choose from."""

from dataclasses import dataclass

from agents.connection import Connection
from app.offline.announcements import RegionAnnouncements, announce, read_announcements
from app.offline.errors import JobFailed
from models.announcement import Announcement
from models.artifact import manifest_digest, read_artifact, read_manifest
from models.artifact_files import ArtifactLimits
from models.errors import ArtifactInvalid
from models.store import ModelStore


@dataclass(frozen=True, slots=True)
class Publisher:
    """Where versions lie, where they are announced, and what workers accept.

    Parameters
    ----------
    store : the model store.
    connection, topic : of the announcements.
    limits, verify_key : as the workers have them, so that what they would refuse is not announced.
    """

    store: ModelStore
    connection: Connection
    topic: str
    limits: ArtifactLimits
    verify_key: bytes | None = None

    async def publish(self, region: str, version: str) -> tuple[Announcement, bool]:
        """Read a version to the last byte and announce it.

        Returns
        -------
        announcement, changed
            The active announcement, and whether it is a new one: a version that is active already is left alone.

        Raises
        ------
        ArtifactInvalid
            If a worker would refuse the version.
        """
        digest = self.check(region, version)
        former = (await read_announcements(self.connection, self.topic)).get(region)
        if former and (former.active.version, former.active.digest) == (version, digest):
            return former.active, False
        return await announce(self.connection, self.topic, region, version, digest, former), True

    async def roll_back(self, region: str, version: str | None = None) -> tuple[Announcement, bool]:
        """Announce an older version again: `version`, or else the one that was active before.

        After a rollback the version that was active before is the one rolled back from, so a second rollback undoes
        the first.

        Raises
        ------
        JobFailed
            If nothing was announced, or nobody knows what was active before.
        ArtifactInvalid
            If a worker would refuse the version.
        """
        former = (await read_announcements(self.connection, self.topic)).get(region)
        if former is None:
            raise JobFailed(f"region {region} has no announced version to roll back from")
        return await self.publish(region, version or self._before(former))

    def check(self, region: str, version: str) -> str:
        """Read a version as a worker would and return the digest of its manifest.

        Raises
        ------
        ArtifactInvalid
            If a worker would refuse it.
        StoreUnavailable
            If the store does not answer.
        """
        digest = manifest_digest(read_manifest(self.store, region, version))
        read_artifact(self.store, region, version, digest=digest, limits=self.limits, verify_key=self.verify_key)
        return digest

    def _before(self, former: RegionAnnouncements) -> str:
        if former.previous is not None:
            return former.previous.version
        active = former.active
        parent = read_manifest(self.store, active.region, active.version).parent
        if parent is None:
            raise JobFailed(
                f"nothing tells which version region {active.region} served before {active.version}; "
                "choose one of `nearline models` with --to"
            )
        return parent


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """One line of the list of models.

    Parameters
    ----------
    region, version : which.
    state : "active", "previous", "announced" (before the previous), "unannounced" or "invalid".
    reason : why it is invalid, else empty.
    sequence : of its latest announcement, if any.
    """

    region: str
    version: str
    state: str
    reason: str = ""
    sequence: int | None = None


async def list_versions(publisher: Publisher) -> list[ListedVersion]:
    """Return the versions of the store and of the topic, by region, oldest name first; each is read in full.

    Raises
    ------
    StoreUnavailable
        If the store does not answer: then nobody knows which versions are invalid.
    """
    announced = await read_announcements(publisher.connection, publisher.topic)
    listed: list[ListedVersion] = []
    for region in sorted({*publisher.store.regions(), *announced}):
        former = announced.get(region)
        named = {one.version: one for one in former.announcements} if former else {}
        versions = sorted({*publisher.store.versions(region), *named})
        listed += [_listed(publisher, region, version, former, named.get(version)) for version in versions]
    return listed


def _listed(
    publisher: Publisher,
    region: str,
    version: str,
    former: RegionAnnouncements | None,
    announcement: Announcement | None,
) -> ListedVersion:
    sequence = announcement.sequence if announcement else None
    try:
        digest = publisher.check(region, version)
    except ArtifactInvalid as error:
        return ListedVersion(region, version, "invalid", error.reason, sequence)
    if announcement and announcement.digest != digest:
        reason = f"its manifest is not the one that was announced, of digest {announcement.digest}"
        return ListedVersion(region, version, "invalid", reason, sequence)
    return ListedVersion(region, version, _state(version, former, announcement), sequence=sequence)


def _state(version: str, former: RegionAnnouncements | None, announcement: Announcement | None) -> str:
    if former is None or announcement is None:
        return "unannounced"
    if version == former.active.version:
        return "active"
    return "previous" if former.previous and version == former.previous.version else "announced"
