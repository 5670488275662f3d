"""What callers may ask: one type for each query string and body, and the strict way from bytes to it.

The same types describe the parameters in `/openapi.json`. Unknown, repeated and out-of-range parameters are refused.
"""

import math
from functools import cache, lru_cache
from typing import Annotated, TypeVar, cast

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType
from yarl import URL

from app.query.http.problems import BODY_TOO_LARGE, INVALID_REQUEST, NOT_JSON, Problem
from models.feedback.events import Event
from models.json_nesting import shallow
from models.names import ID_PATTERN, REGION_PATTERN, VERSION_PATTERN, is_identifier, is_region

MAX_OFFSET = 10_000
MAX_MATURITY = 18
MAX_EXCLUDED = 500
MAX_BATCH = 100
MAX_EVENTS = 500
MAX_RECORDS = 1_024
_LONGEST_REMEMBERED = 512  # characters of a query string

Identifier = Annotated[str, Meta(pattern=ID_PATTERN)]
Region = Annotated[str, Meta(pattern=REGION_PATTERN, description="Where the user is now.")]
Limit = Annotated[int, Meta(ge=1, le=200, description="Most videos in the answer.")]
Days = Annotated[int, Meta(ge=1, le=365, description="Days to count, back from the newest event.")]

Asked = TypeVar("Asked", bound=msgspec.Struct)


class Context(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where and for whom a list is shown; what the catalogue forbids there is left out."""

    region: Region | UnsetType = UNSET
    device: Annotated[Identifier, Meta(description="The device that will show the list.")] | UnsetType = UNSET
    maturity: Annotated[int, Meta(ge=0, le=MAX_MATURITY, description="Age in years to suit.")] = MAX_MATURITY
    genre: Annotated[Identifier, Meta(description="Only videos of this genre.")] | UnsetType = UNSET
    exclude: Annotated[
        tuple[Identifier, ...], Meta(max_length=MAX_EXCLUDED, description="Video ids to leave out.")
    ] = ()
    include_seen: Annotated[bool, Meta(description="Whether videos that the user has seen may be in the list.")] = False


class RecommendationQuery(Context, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a user's list."""

    limit: Limit = 20
    offset: Annotated[int, Meta(ge=0, le=MAX_OFFSET, description="Videos to pass over.")] = 0
    min_score: Annotated[float, Meta(description="Least score; finite.")] | UnsetType = UNSET


class NoQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No parameter at all."""


class PopularQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the popular list; without a region, of all regions together."""

    days: Days = 10
    region: Region | UnsetType = UNSET
    limit: Limit = 20


class BatchRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lists of several users."""

    user_ids: Annotated[tuple[Identifier, ...], Meta(min_length=1, max_length=MAX_BATCH)]
    limit: Limit = 20
    context: Context = Context()


class AnonymousRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A list for somebody nobody has seen: the events are used in this request, and nothing is stored."""

    events: Annotated[tuple[Event, ...], Meta(max_length=MAX_EVENTS)]
    limit: Limit = 20
    context: Context = Context()


class ActivationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The version that shall serve."""

    version: Annotated[str, Meta(pattern=VERSION_PATTERN)]


class ErasureCheckRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Records that erase a user: partition and offset of each."""

    records: Annotated[
        tuple[tuple[Annotated[int, Meta(ge=0)], Annotated[int, Meta(ge=0)]], ...], Meta(max_length=MAX_RECORDS)
    ]


def query_for(context: Context, limit: int) -> RecommendationQuery:
    """Return the query for the first `limit` videos in a context."""
    fields = {name: getattr(context, name) for name in Context.__struct_fields__}
    return RecommendationQuery(limit=limit, **fields)


def user_id_of(request: web.Request) -> str:
    """Return the path's user id, checked."""
    return _path_id(request, "user_id")


def video_id_of(request: web.Request) -> str:
    """Return the path's video id, checked."""
    return _path_id(request, "video_id")


def erasure_id_of(request: web.Request) -> str:
    """Return the path's id of an erasure, checked."""
    return _path_id(request, "erasure_id")


def region_of(request: web.Request) -> str:
    """Return the path's region, checked."""
    region = request.match_info["region"]
    if not is_region(region):
        raise Problem(INVALID_REQUEST, "region must have 1 to 32 of a-z, 0-9, _ and -")
    return region


def read_query(request: web.Request, kind: type[Asked]) -> Asked:
    """Return the query string as `kind`, every parameter known, given once and in range."""
    raw = request.rel_url.raw_query_string
    if not raw:
        return kind()
    if len(raw) > _LONGEST_REMEMBERED:
        return _query_of(raw, kind)
    return cast("Asked", _remembered_query(raw, kind))


@lru_cache(maxsize=1_024)
def _remembered_query(raw: str, kind: type[msgspec.Struct]) -> msgspec.Struct:
    """Return the same object for the same text: services ask for few contexts, and reading one costs 10 us."""
    return _query_of(raw, kind)


def _query_of(raw: str, kind: type[Asked]) -> Asked:
    given = URL.build(query_string=raw, encoded=True).query
    values: dict[str, object] = dict(given)
    unknown = sorted(values.keys() - set(kind.__struct_fields__))
    if unknown:
        raise Problem(INVALID_REQUEST, f"unknown query parameters: {', '.join(unknown)[:200]}")
    if len(values) != len(given):
        raise Problem(INVALID_REQUEST, "a query parameter is given more than once; separate ids by commas")
    if "exclude" in values:
        values["exclude"] = given["exclude"].split(",")
    try:
        query = msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Problem(INVALID_REQUEST, f"query string: {_sentence(error)}") from None
    least = getattr(query, "min_score", UNSET)
    if least is not UNSET and not math.isfinite(least):
        raise Problem(INVALID_REQUEST, "query string: min_score must be finite")
    return query


async def read_body(request: web.Request, limit: int) -> bytes:
    """Return the body, JSON by its content type and at most `limit` bytes, counted as they are unpacked."""
    if request.content_type != "application/json":
        raise Problem(NOT_JSON, f"the body is {request.content_type}; send application/json")
    body = bytearray()
    try:
        while chunk := await request.content.readany():
            body += chunk
            if len(body) > limit:
                raise Problem(BODY_TOO_LARGE, f"the body has more than {limit} bytes", {"Connection": "close"})
    except web.RequestPayloadError:
        detail = "body: it is not encoded as its headers say; send it as it is, without Content-Encoding"
        raise Problem(INVALID_REQUEST, detail, {"Connection": "close"}) from None
    return bytes(body)


def decode_body(body: bytes, kind: type[Asked]) -> Asked:
    """Return the body as `kind`, without unknown fields."""
    try:
        decoded: Asked = _decoder(kind).decode(shallow(body))
    except UnicodeDecodeError:
        raise Problem(INVALID_REQUEST, "body: not UTF-8") from None
    except msgspec.DecodeError as error:
        raise Problem(INVALID_REQUEST, f"body: {_sentence(error)}") from None
    return decoded


@cache
def _decoder(kind: type[Asked]) -> msgspec.json.Decoder[Asked]:
    return msgspec.json.Decoder(kind)


def _path_id(request: web.Request, name: str) -> str:
    value = request.match_info[name]
    if not is_identifier(value):
        raise Problem(INVALID_REQUEST, f"{name} must have 1 to 64 characters, none of them a control character")
    return value


def _sentence(error: Exception) -> str:
    return str(error).replace("$.", "")[:500]
