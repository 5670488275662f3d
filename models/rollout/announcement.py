"""Announcements: the records of the topic ``models``, each naming the version that a region shall serve.

The latest announcement of a region wins. Rolling back is announcing an older version again. The topic is compacted, so
each announcement also carries what stood before it, as a `PreviousVersion`.

The topic outlives the code: the fields `canary` and `previous_version` keep the names that its first records gave them.
"""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from models.errors import AnnouncementInvalid
from models.feedback.events import Region
from models.json_nesting import shallow
from models.names import DIGEST_PATTERN, VERSION_PATTERN, is_digest, is_region, is_version

MAX_ANNOUNCEMENT_BYTES = 4 * 1024

Version = Annotated[str, Meta(extra_json_schema={"pattern": VERSION_PATTERN})]
Digest = Annotated[str, Meta(extra_json_schema={"pattern": DIGEST_PATTERN})]
Sequence = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class PreviousVersion(msgspec.Struct, frozen=True, kw_only=True):
    """The announcement before one: what serves when that one is refused and compaction has removed this one's record.

    Parameters
    ----------
    version, digest, sequence
        As they were announced, for the same region.

    Raises
    ------
    AnnouncementInvalid
        If the version or the digest is not of that form.
    """

    version: Version
    digest: Digest
    sequence: Sequence

    def __post_init__(self) -> None:
        if not is_version(self.version):
            raise AnnouncementInvalid(f"fallback: {self.version!r} does not name a version")
        _check_digest(self.digest)


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """One published version of one region.

    Parameters
    ----------
    region, version
        Which model this is.
    sequence
        Counts the announcements of a region; of two, the larger one is later.
    location
        Where the version lies below the store: always ``<region>/<version>``.
    digest
        SHA-256 of ``manifest.json``, 64 hexadecimal digits.
    published_at
        When, with an offset.
    canary
        Whether workers try the version on real users before it serves; a version that served before needs no canary.
    previous_version
        What was announced before, if anything.

    Raises
    ------
    AnnouncementInvalid
        If a name, the location or the digest is not of that form, or the previous version does not come before.
    """

    region: Region
    version: Version
    sequence: Sequence
    location: str
    digest: Digest
    published_at: Annotated[datetime, Meta(tz=True)]
    canary: bool = msgspec.field(default=True, name="trial")
    previous_version: PreviousVersion | None = msgspec.field(default=None, name="fallback")

    def __post_init__(self) -> None:
        if not is_region(self.region) or not is_version(self.version):
            raise AnnouncementInvalid(f"{self.region!r} and {self.version!r} do not name a region and a version")
        if self.location != f"{self.region}/{self.version}":
            raise AnnouncementInvalid(f"location {self.location!r} is not {self.region}/{self.version}")
        _check_digest(self.digest)
        if self.previous_version is not None and self.previous_version.sequence >= self.sequence:
            raise AnnouncementInvalid(f"sequence {self.sequence} does not follow its previous version's")

    @property
    def as_previous(self) -> PreviousVersion:
        """What the next announcement carries of this one."""
        return PreviousVersion(version=self.version, digest=self.digest, sequence=self.sequence)

    @property
    def previous(self) -> "Announcement | None":
        """The announcement before this one, as far as this one tells of it; it served, so it needs no canary."""
        if self.previous_version is None:
            return None
        return Announcement(
            region=self.region,
            version=self.previous_version.version,
            sequence=self.previous_version.sequence,
            location=f"{self.region}/{self.previous_version.version}",
            digest=self.previous_version.digest,
            published_at=self.published_at,
            canary=False,
        )

    def encode(self) -> bytes:
        """Return the announcement as UTF-8 JSON, at most 4 KiB."""
        return msgspec.json.encode(self)


_DECODER = msgspec.json.Decoder(Announcement)


def decode_announcement(value: bytes | None) -> Announcement:
    """Decode a record of the topic ``models``.

    Raises
    ------
    AnnouncementInvalid
        And nothing else, whatever the bytes are.
    """
    if not value:
        raise AnnouncementInvalid("the record has no value")
    if len(value) > MAX_ANNOUNCEMENT_BYTES:
        raise AnnouncementInvalid(f"{len(value)} bytes are more than the {MAX_ANNOUNCEMENT_BYTES} allowed")
    try:
        return _DECODER.decode(str(shallow(value), "utf-8"))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AnnouncementInvalid(f"the record is not an announcement: {error}") from None


def _check_digest(digest: str) -> None:
    if not is_digest(digest):
        raise AnnouncementInvalid(f"digest {digest!r} is not a SHA-256 in 64 hexadecimal digits")
