"""The topic of announcements: what it says is active, and how to say something new."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace

from agents.kafka.connection import Connection
from agents.kafka.topics import rejected_topic
from app.errors import JobFailed
from app.kafka_clients import producer_of, read_topic
from models.errors import AnnouncementInvalid
from models.rollout.announcement import Announcement, PreviousVersion, decode_announcement
from models.rollout.rejection import decode_rejection


@dataclass(frozen=True, slots=True)
class RegionAnnouncements:
    """The announcements of one region that are still in the topic, by ascending sequence; never none.

    Parameters
    ----------
    announcements : all of them.
    rejected : sequence and digest of those that the canary of a worker rejected, so that no worker serves them.
    """

    announcements: tuple[Announcement, ...]
    rejected: frozenset[tuple[int, str]] = frozenset()

    @property
    def newest(self) -> Announcement:
        """The last one, whatever became of it."""
        return self.announcements[-1]

    @property
    def active(self) -> PreviousVersion | None:
        """The one that counts; None if all that is known was rejected."""
        return self.known[-1] if self.known else None

    @property
    def known(self) -> tuple[PreviousVersion, ...]:
        """What was announced and not rejected, by ascending sequence; each record also tells of the one before it."""
        found = {
            one.previous_version.sequence: one.previous_version for one in self.announcements if one.previous_version
        }
        found |= {one.sequence: one.as_previous for one in self.announcements}
        kept = (found[sequence] for sequence in sorted(found))
        return tuple(one for one in kept if (one.sequence, one.digest) not in self.rejected)

    def rejection_of(self, version: str) -> int | None:
        """Return the latest sequence under which a version was rejected by a canary, None for one that was not."""
        found = (
            one.sequence
            for one in self.announcements
            if one.version == version and (one.sequence, one.digest) in self.rejected
        )
        return max(found, default=None)

    @property
    def previous(self) -> PreviousVersion | None:
        """The latest one of another version than the active one; None if compaction has removed all."""
        active = self.active
        return next((one for one in reversed(self.known) if active and one.version != active.version), None)

    def sequence_of(self, version: str, digest: str) -> int | None:
        """Return the latest sequence under which a version was announced and not rejected; None for none known."""
        found = (one.sequence for one in self.known if (one.version, one.digest) == (version, digest))
        return max(found, default=None)


async def read_announcements(connection: Connection, topic: str) -> dict[str, RegionAnnouncements]:
    """Return the valid announcements by region; workers ignore the others, too."""
    found: dict[str, dict[int, Announcement]] = {}
    async for _, announcement in _valid(connection, topic):
        # of two with one sequence workers take the first
        found.setdefault(announcement.region, {}).setdefault(announcement.sequence, announcement)
    rejected = await _rejected(connection, rejected_topic(topic)) if found else {}
    return {
        region: RegionAnnouncements(
            tuple(by_sequence[sequence] for sequence in sorted(by_sequence)), frozenset(rejected.get(region, ()))
        )
        for region, by_sequence in found.items()
    }


async def _rejected(connection: Connection, topic: str) -> dict[str, set[tuple[int, str]]]:
    """Return, by region, what canaries have rejected."""
    found: dict[str, set[tuple[int, str]]] = {}
    async for record in read_topic(connection, topic):
        try:
            rejection = decode_rejection(record.value)
        except AnnouncementInvalid:
            continue
        if rejection.counts_for_all:
            found.setdefault(rejection.region, set()).add((rejection.sequence, rejection.digest))
    return found


async def announce(
    connection: Connection,
    topic: str,
    region: str,
    version: str,
    digest: str,
    *,
    announced: RegionAnnouncements | None,
    canary: bool = True,
) -> Announcement:
    """Announce a version with the sequence after the last one's; returns when the broker has it and it counts.

    Raises
    ------
    JobFailed
        If another publisher announced something for the region since `announced` was read. What that one said counts;
        it is said once more, because compaction keeps the last record of a region, which ours would be.
    """
    announcement = Announcement(
        region=region,
        version=version,
        sequence=announced.newest.sequence + 1 if announced else 0,
        location=f"{region}/{version}",
        digest=digest,
        published_at=datetime.now(UTC),
        canary=canary,
        previous_version=announced.active if announced else None,
    )
    winner = await _append(connection, topic, announcement)
    if winner is None:
        return announcement
    while (other := await _append(connection, topic, _again(winner))) is not None:
        winner = other
    raise JobFailed(
        f"{region}/{version} is not announced: at the same moment another publisher announced {winner.location}, "
        "which counts; see `nearline models`, and publish again if yours shall serve"
    )


async def _append(connection: Connection, topic: str, announcement: Announcement) -> Announcement | None:
    """Write an announcement; return the one that counts instead, if it lies before with this sequence or a later."""
    async with producer_of(connection) as producer:
        written = await producer.send_and_wait(topic, announcement.encode(), key=announcement.region.encode())
    earlier = [
        one
        async for offset, one in _valid(connection, topic)
        if one.region == announcement.region and offset < written.offset and one.sequence >= announcement.sequence
    ]
    winner = max(earlier, key=lambda one: one.sequence, default=None)
    same = winner is not None and replace(winner, published_at=announcement.published_at) == announcement
    return None if same else winner


def _again(announcement: Announcement) -> Announcement:
    return replace(announcement, sequence=announcement.sequence + 1, published_at=datetime.now(UTC))


async def _valid(connection: Connection, topic: str) -> AsyncIterator[tuple[int, Announcement]]:
    """Yield the announcements with their offsets, in order within each region."""
    async for record in read_topic(connection, topic):
        try:
            announcement = decode_announcement(record.value)
        except AnnouncementInvalid:
            continue
        if record.key == announcement.region.encode():
            yield record.offset, announcement
