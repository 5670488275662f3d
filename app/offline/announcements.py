"""The topic of announcements: what it says is active, and how to say something new."""

from dataclasses import dataclass
from datetime import UTC, datetime

from agents.connection import Connection
from app.offline.broker import producer_of, read_topic
from models.announcement import Announcement, decode_announcement
from models.errors import AnnouncementInvalid


@dataclass(frozen=True, slots=True)
class RegionAnnouncements:
    """The announcements of one region that are still in the topic, by ascending sequence; never none."""

    announcements: tuple[Announcement, ...]

    @property
    def active(self) -> Announcement:
        """The one that counts."""
        return self.announcements[-1]

    @property
    def previous(self) -> Announcement | None:
        """The latest one of another version than the active one; None if compaction has removed all."""
        others = (one for one in reversed(self.announcements) if one.version != self.active.version)
        return next(others, None)


async def read_announcements(connection: Connection, topic: str) -> dict[str, RegionAnnouncements]:
    """Return the valid announcements by region; workers ignore the others, too."""
    found: dict[str, dict[int, Announcement]] = {}
    async for record in read_topic(connection, topic):
        try:
            announcement = decode_announcement(record.value)
        except AnnouncementInvalid:
            continue
        if record.key == announcement.region.encode():
            # of two with one sequence workers take the first
            found.setdefault(announcement.region, {}).setdefault(announcement.sequence, announcement)
    return {
        region: RegionAnnouncements(tuple(by_sequence[sequence] for sequence in sorted(by_sequence)))
        for region, by_sequence in found.items()
    }


async def announce(
    connection: Connection, topic: str, region: str, version: str, digest: str, former: RegionAnnouncements | None
) -> Announcement:
    """Announce a version with the sequence after the active one's; returns when the broker has it."""
    announcement = Announcement(
        region=region,
        version=version,
        sequence=former.active.sequence + 1 if former else 0,
        location=f"{region}/{version}",
        digest=digest,
        published_at=datetime.now(UTC),
    )
    async with producer_of(connection) as producer:
        await producer.send_and_wait(topic, announcement.encode(), key=region.encode())
    return announcement
