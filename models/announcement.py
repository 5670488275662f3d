"""Announcements: the records of the topic ``models``, each naming the version that a region shall serve.

The latest announcement of a region wins. Rolling back is announcing an older version again.
"""

import re
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from models.errors import AnnouncementInvalid
from models.events import Region
from models.store import is_region, is_version

MAX_ANNOUNCEMENT_BYTES = 4 * 1024

_DIGEST = re.compile(r"[0-9a-f]{64}")


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

    Raises
    ------
    AnnouncementInvalid
        If a name, the location or the digest is not of that form.
    """

    region: Region
    version: Annotated[str, Meta(extra_json_schema={"pattern": r"^(?!\.)[A-Za-z0-9._-]{1,64}(?![\s\S])"})]
    sequence: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    location: str
    digest: Annotated[str, Meta(extra_json_schema={"pattern": r"^[0-9a-f]{64}(?![\s\S])"})]
    published_at: Annotated[datetime, Meta(tz=True)]

    def __post_init__(self) -> None:
        if not is_region(self.region) or not is_version(self.version):
            raise AnnouncementInvalid(f"{self.region!r} and {self.version!r} do not name a region and a version")
        if self.location != f"{self.region}/{self.version}":
            raise AnnouncementInvalid(f"location {self.location!r} is not {self.region}/{self.version}")
        if not _DIGEST.fullmatch(self.digest):
            raise AnnouncementInvalid(f"digest {self.digest!r} is not a SHA-256 in 64 hexadecimal digits")

    def encode(self) -> bytes:
        """Return the announcement as UTF-8 JSON, at most 4 KiB."""
        return msgspec.json.encode(self)


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
        return msgspec.json.decode(str(value, "utf-8"), type=Announcement)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnnouncementInvalid(f"the record is not an announcement: {error}") from None
