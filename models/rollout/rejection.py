"""Rejections: the records of the topic ``models-rejected``, each saying that a worker did not take a version, and why.

A rejection by a canary counts for every worker: a version that is wrong for one worker's users is not right for
another's, and a region whose workers serve different versions is in nobody's interest.
"""

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from models.errors import AnnouncementInvalid
from models.evaluation.list_comparison import Comparison
from models.feedback.events import Region
from models.json_nesting import shallow
from models.rollout.announcement import Announcement

MAX_REJECTION_BYTES = 16 * 1024
MAX_REASON_CHARACTERS = 2_000

Stage = Literal["announcement", "artifact", "trial"]
CANARY: Final[Stage] = "trial"
"""As the first records of the topic spelled it; it outlives the code."""


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """A version that was rejected.

    Parameters
    ----------
    region, version, sequence, digest
        Of the announcement.
    stage
        What it failed: the checks of the artifact, or the canary on real users.
    reason
        Why, in words.
    worker
        The id of the worker that says so.
    at
        When, with an offset.
    comparison
        What the canary found.
    """

    region: Region
    version: Annotated[str, Meta(max_length=64)]
    sequence: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    digest: Annotated[str, Meta(max_length=64)]
    stage: Stage
    reason: Annotated[str, Meta(max_length=MAX_REASON_CHARACTERS)]
    worker: Annotated[str, Meta(max_length=64)]
    at: Annotated[datetime, Meta(tz=True)]
    comparison: Comparison | None = None

    @classmethod
    def of(
        cls,
        announcement: Announcement,
        stage: Stage,
        reason: str,
        worker: str,
        at: datetime,
        comparison: Comparison | None = None,
    ) -> "Rejection":
        """Make the rejection of an announced version."""
        return cls(
            region=announcement.region,
            version=announcement.version,
            sequence=announcement.sequence,
            digest=announcement.digest,
            stage=stage,
            reason=reason[:MAX_REASON_CHARACTERS],
            worker=worker,
            at=at,
            comparison=comparison,
        )

    @property
    def key(self) -> bytes:
        """The record key, one an announcement: the topic is compacted."""
        return f"{self.region}/{self.sequence}".encode()

    @property
    def counts_for_all(self) -> bool:
        """Whether every worker rejects the announcement because of this; limits and keys are each worker's own."""
        return self.stage == CANARY

    def is_of(self, announcement: Announcement) -> bool:
        """Tell whether this is about an announcement."""
        return (self.region, self.sequence, self.digest) == (
            announcement.region,
            announcement.sequence,
            announcement.digest,
        )

    def encode(self) -> bytes:
        """Return the rejection as UTF-8 JSON."""
        return msgspec.json.encode(self)


_DECODER = msgspec.json.Decoder(Rejection)


def decode_rejection(value: bytes | None) -> Rejection:
    """Decode a record of the topic ``models-rejected``.

    Raises
    ------
    AnnouncementInvalid
        And nothing else, whatever the bytes are.
    """
    if not value or len(value) > MAX_REJECTION_BYTES:
        raise AnnouncementInvalid(f"a rejection has 1 to {MAX_REJECTION_BYTES} bytes, found {len(value or b'')}")
    try:
        return _DECODER.decode(str(shallow(value), "utf-8"))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AnnouncementInvalid(f"the record is not a rejection: {error}") from None
