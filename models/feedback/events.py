"""Member events: what a user did to a video, decoded strictly from the bytes of a Kafka record.

The three types below *are* the contract of the topic ``member-events``: the decoder enforces them, and the
JSON Schema and AsyncAPI files in ``app/contract`` are generated from them. Whatever bytes come in, either an
event comes out or :class:`Rejected` says why not, in words that never repeat the user's data.

A record without a value, with a user's id as its key, is no event: it erases that user (`check_erasure`).
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from models.json_nesting import MAX_NESTING, NestedTooDeeply, shallow
from models.names import (
    ID_CHARACTERS_PATTERN,
    ID_RULE,
    MAX_ID_CHARACTERS,
    MAX_REGION_CHARACTERS,
    REGION_CHARACTERS_PATTERN,
    has_control_characters,
    is_identifier,
    is_region,
)

MAX_EVENT_BYTES = 16 * 1024
MAX_FUTURE_SECONDS = 24 * 3600
REASONS = frozenset(
    {
        "empty",
        "invalid_key",
        "too_large",
        "invalid_utf8",
        "invalid_json",
        "invalid_event",
        "future_ts",
        "key_mismatch",
    }
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

# Patterns are for the JSON Schema; the decoder checks the same with one search for all ids (5 times faster).
Identifier: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_ID_CHARACTERS,
        description=f"{ID_RULE} (C0, DEL, C1).",
        extra_json_schema={"pattern": ID_CHARACTERS_PATTERN},
    ),
]
Region: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_REGION_CHARACTERS,
        description="A subset of the population with its own model.",
        extra_json_schema={"pattern": REGION_CHARACTERS_PATTERN},
    ),
]
Timestamp: TypeAlias = Annotated[
    datetime,
    Meta(tz=True, description="When it happened: RFC 3339 with an offset, at most 24 hours ahead of its arrival."),
]


class _MemberEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True, gc=False):
    """The fields that every event has."""

    event_id: Identifier
    user_id: Identifier
    video_id: Identifier
    ts: Timestamp
    region: Region | None = None
    device: Identifier | None = None
    schema_version: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 1


class Play(_MemberEvent, frozen=True, kw_only=True, tag_field="type", tag="play", gc=False):
    """The user watched a video for ``seconds_watched`` seconds."""

    seconds_watched: Annotated[float, Meta(gt=0, description="Seconds.")]


class Rate(_MemberEvent, frozen=True, kw_only=True, tag_field="type", tag="rate", gc=False):
    """The user rated a video with 0.5 to 5 stars."""

    rating: Annotated[float, Meta(ge=0.5, le=5, description="Stars.")]


class Browse(_MemberEvent, frozen=True, kw_only=True, tag_field="type", tag="browse", gc=False):
    """The user looked at a video's page, changed the list of videos to watch, or dismissed the video."""

    action: Literal["view", "list_add", "list_remove", "dismiss"]


Event: TypeAlias = Play | Rate | Browse


class Rejected(ValueError):
    """An event that breaks the contract.

    Parameters
    ----------
    reason
        One of `REASONS`: a bounded set, fit for the label of a metric and a record header.
    message
        The full sentence, without any value of the payload.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_ENCODER = msgspec.json.Encoder()


def decode_event(value: bytes | None, key: bytes | None, now: float) -> Event:
    """Decode and check one record of the topic ``member-events``.

    Parameters
    ----------
    value, key
        The record's value and key as received.
    now
        When the record arrived, in seconds since the epoch.

    Raises
    ------
    Rejected
        And nothing else, whatever the bytes are.
    """
    if not value:
        raise Rejected("empty", "the record has no value; send the event as a JSON object")
    if len(value) > MAX_EVENT_BYTES:
        raise Rejected("too_large", f"the event has {len(value)} bytes, the limit is {MAX_EVENT_BYTES}")
    event = _parse(value)
    _check_characters(event)
    if event.ts.timestamp() > now + MAX_FUTURE_SECONDS:
        raise Rejected("future_ts", "$.ts is more than 24 hours ahead of the record's arrival")
    if event.user_id.encode() != key:
        raise Rejected("key_mismatch", "the record's key is not the UTF-8 bytes of $.user_id")
    return event


def check_erasure(key: bytes | None) -> None:
    """Check the key of a record of the topic ``member-events`` that has no value, so that it erases a user.

    Raises
    ------
    Rejected
        When the key is not the UTF-8 bytes of a user's id; without a key, as `decode_event` does.
    """
    if key is None:
        raise Rejected("empty", "the record has neither key nor value; to erase a user, send their id as the key")
    try:
        named = is_identifier(str(key, "utf-8"))
    except UnicodeDecodeError:
        named = False
    if not named:
        raise Rejected("invalid_key", f"the record has no value, and its key is no user id: {ID_RULE}, in UTF-8")


def encode_event(event: Event) -> bytes:
    """Encode an event as UTF-8 JSON, without the optional fields that have their default value."""
    return _ENCODER.encode(event)


def event_milliseconds(event: Event) -> int:
    """Return the time of the event in milliseconds since the epoch, rounded down."""
    return (event.ts - _EPOCH) // _MILLISECOND


def _parse(value: bytes) -> Event:
    try:
        text = str(value, "utf-8")
        shallow(value)
        return _DECODER.decode(text)
    except UnicodeDecodeError as error:
        raise Rejected("invalid_utf8", f"byte {error.start} of the event is not UTF-8") from None
    except msgspec.ValidationError as error:
        raise Rejected("invalid_event", _explain(str(error))) from None
    except NestedTooDeeply:
        raise Rejected("invalid_json", f"the event is nested more than {MAX_NESTING} deep") from None
    except msgspec.DecodeError as error:
        raise Rejected("invalid_json", f"the event is not JSON: {error}") from None


def _check_characters(event: Event) -> None:
    if has_control_characters(f"{event.event_id}{event.user_id}{event.video_id}{event.device}"):
        raise Rejected("invalid_event", "the event breaks its schema: an id has a control character")
    if event.region is not None and not is_region(event.region):
        raise Rejected("invalid_event", "the event breaks its schema at `$.region`: use only a-z, 0-9, _ and -")


def _explain(message: str) -> str:
    """Keep of msgspec's message what quotes the schema, and drop what quotes the payload."""
    problem, _, path = message.rpartition(" - at ")
    problem, path = (problem, path) if problem else (message, "`$`")
    if not problem.startswith(("Expected ", "Object missing ", "Invalid RFC3339 ", "Number out of range")):
        problem = "The value is not one of those allowed"
    return f"the event breaks its schema at {path}: {problem}"
