"""The list of models: what there is to choose from, in the store and in the topic."""

from dataclasses import dataclass

from app.publishing.announcements import RegionAnnouncements, read_announcements
from app.publishing.publish import Publisher
from models.errors import ArtifactInvalid
from models.rollout.announcement import PreviousVersion


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """One line of the list of models.

    Parameters
    ----------
    region, version : which.
    state : "active", "previous", "announced" (before the previous), "rejected" (by a canary),
        "unannounced" or "invalid".
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
        of_region = announced.get(region)
        named = {one.version: one for one in of_region.known} if of_region else {}
        versions = sorted({*publisher.store.versions(region), *named})
        listed += [_listed(publisher, region, version, of_region, named.get(version)) for version in versions]
    return listed


def _listed(
    publisher: Publisher,
    region: str,
    version: str,
    of_region: RegionAnnouncements | None,
    announcement: PreviousVersion | None,
) -> ListedVersion:
    sequence = announcement.sequence if announcement else None
    try:
        digest = publisher.check(region, version)
    except ArtifactInvalid as error:
        return ListedVersion(region, version, "invalid", error.reason, sequence)
    if announcement and announcement.digest != digest:
        reason = f"its manifest is not the one that was announced, of digest {announcement.digest}"
        return ListedVersion(region, version, "invalid", reason, sequence)
    return ListedVersion(region, version, _state(version, of_region, announcement), sequence=sequence)


def _state(version: str, of_region: RegionAnnouncements | None, announcement: PreviousVersion | None) -> str:
    if of_region is not None and announcement is None and of_region.rejection_of(version) is not None:
        return "rejected"
    if of_region is None or announcement is None:
        return "unannounced"
    if of_region.active and version == of_region.active.version:
        return "active"
    return "previous" if of_region.previous and version == of_region.previous.version else "announced"
