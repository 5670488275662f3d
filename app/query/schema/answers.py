"""What the query view answers: every successful answer is one of these types, and `/openapi.json` shows them."""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from agents.rollout.models_in_use import RegionStatus
from agents.users.user_state import UserState
from app.query.http.json_response import JsonResponse
from app.query.http.problems import ProblemDetails

Source = Literal["nearline", "popular"]
KeptElsewhere = Literal["found", "unanswered"]
EmptyReason = Literal["filters", "end_of_list", "nothing_counted"]
SCHEMA_REFERENCE: Final = "#/components/schemas/{name}"
"""Where a type stands in `/openapi.json`."""


class Item(msgspec.Struct, frozen=True, gc=False):
    """A recommended video; `title` is null when the catalogue does not know it.

    `score` is the model's, or in a popular list the count of plays and likes.
    """

    video_id: str
    title: str | None
    score: float


_ITEMS: Final = {"type": "array", "items": {"$ref": SCHEMA_REFERENCE.format(name=Item.__name__)}}
EncodedItems: TypeAlias = Annotated[Raw, Meta(extra_json_schema=_ITEMS)]
"""The JSON of a list of `Item`: a video is written once for many lists, and what a peer wrote is passed on as it is."""


class RecommendationsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a user's list, made by one model version.

    `as_of` is when the user's stored state was written, null when nothing is stored. `stale` is true when another
    worker may know more: a standby answered, or a worker that is cut off from its group. `reason` is there when there
    are no items: the filters leave nothing, or the list ends before the offset.

    `kept_elsewhere` is there when a producer with another partitioner than murmur2 matters: `found`, the user's events
    lie in another partition than murmur2 gives; `unanswered`, somebody who may have them gave no answer, so the list is
    the popular one, though the user may have their own.
    """

    user_id: str | None
    region: str
    model_version: str | None
    as_of: datetime | None
    source: Source
    stale: bool = False
    items: EncodedItems
    reason: EmptyReason | UnsetType = UNSET
    kept_elsewhere: KeptElsewhere | UnsetType = UNSET


class BatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """One user's part of a batch: `answer` with status 200, else `problem`."""

    user_id: str
    status: int
    answer: RecommendationsAnswer | UnsetType = UNSET
    problem: ProblemDetails | UnsetType = UNSET


class BatchAnswer(msgspec.Struct, frozen=True):
    """The results, one for each user id, in the order of the request."""

    results: list[BatchResult]


class VideoScoreAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What one video's place is among all videos of the model, seen ones included; `rank` 1 is the best.

    `score` and `rank` are null when nothing in the user's history speaks for any video. `as_of` and `stale` are those
    of the list.
    """

    user_id: str
    video_id: str
    title: str | None
    region: str
    model_version: str
    as_of: datetime | None
    stale: bool = False
    score: float | None
    rank: int | None
    videos: int
    seen: bool


class FactAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a user did; `value` is the stars of a rating, the seconds of a play, else null."""

    video_id: str
    title: str | None
    kind: str
    value: float | None
    ts: datetime


class UserAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept for a user; `history` has the newest first."""

    user_id: str
    partition: int
    owner: str
    region: str | None
    model_version: str | None
    written_at: datetime
    last_event: datetime | None
    applied_offset: int
    stored_scores: int
    counts: dict[str, int]
    history: list[FactAnswer]


class ModelsAnswer(msgspec.Struct, frozen=True):
    """The models of this worker, by region."""

    regions: list[RegionStatus]


class ActivationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The announcement that every worker follows now; `changed` is false where the version was announced already."""

    region: str
    version: str
    sequence: int
    changed: bool


class PopularItem(msgspec.Struct, frozen=True):
    """A popular video and its plays and likes."""

    video_id: str
    title: str | None
    count: int


class PopularAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The videos with the most plays and likes in the last days."""

    region: str
    days: int
    items: list[PopularItem]
    reason: EmptyReason | UnsetType = UNSET


class PartitionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Who owns a partition, who keeps a standby of it, and whether it runs on the worker that answers."""

    partition: int
    owner: str | None
    standby: str | None
    here: bool


class PartitionsAnswer(msgspec.Struct, frozen=True):
    """Every partition, and the numbers of those that no worker has."""

    worker: str
    partitions: list[PartitionAnswer]
    unserved: list[int]


class UserRoutingAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Where a user is kept."""

    user_id: str
    partition: int
    owner: str | None
    here: bool


class ErasedPartition(msgspec.Struct, frozen=True, gc=False):
    """One partition's part of an erasure: the record that erases, and what it came to.

    `removed` tells whether there was anything of the user before it; null while it is not applied, and where nobody
    remembers, for the partition was taken over since.
    """

    partition: int
    offset: int
    applied: bool
    removed: bool | None


class ErasureAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An erasure: whether it is `applied` in every partition, and from how many it `removed` anything.

    What nobody remembers is not in `removed`; the partition says null.
    """

    erasure_id: str
    user_id: str
    applied: bool
    removed: int
    partitions: list[ErasedPartition]


class ErasureCheckAnswer(msgspec.Struct, frozen=True):
    """What erasures came to in those of the partitions asked for that run on the worker that answers."""

    partitions: list[ErasedPartition]


class CheckpointAnswer(msgspec.Struct, frozen=True):
    """A checkpoint of this worker's tables: its folder on this worker's machine, and the partitions in it."""

    folder: str
    partitions: list[int]


class HealthAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A yes; a no is a problem whose detail is the reason. `warnings` are what somebody should mend all the same."""

    status: Literal["ok"] = "ok"
    warnings: list[str] | UnsetType = UNSET


def as_of(state: UserState) -> datetime | None:
    """Return when a user's stored state was written, None when nothing is stored."""
    return datetime.fromtimestamp(state.written_at / 1000, UTC) if state.written_at else None


_ENCODER = msgspec.json.Encoder()


def json_response(answer: msgspec.Struct) -> JsonResponse:
    """Return an answer as JSON."""
    return JsonResponse(_ENCODER.encode(answer))
