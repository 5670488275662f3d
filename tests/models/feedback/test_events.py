import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.feedback.events import (
    MAX_EVENT_BYTES,
    REASONS,
    Browse,
    Event,
    Play,
    Rate,
    Rejected,
    decode_event,
    encode_event,
    event_milliseconds,
    is_identifier,
)
from tests.support.event_fields import BROWSE, NOW, PLAY, RATE, TS

PRIVATE = "joe-secret"
IDENTIFIERS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=64)


def decode(value: bytes | None, key: bytes | None = b"u42") -> Event:
    return decode_event(value, key, NOW)


def reason_of(value: bytes | None, key: bytes | None = b"u42") -> str:
    with pytest.raises(Rejected) as caught:
        decode(value, key)
    assert caught.value.reason in REASONS
    assert PRIVATE not in str(caught.value)
    return caught.value.reason


def outcome(value: bytes, key: bytes | None) -> Event | str:
    try:
        return decode(value, key)
    except Rejected as rejected:
        return rejected.reason


def encoded(event: dict[str, Any], **fields: Any) -> bytes:
    return json.dumps({**event, **fields}).encode()


def spliced(field: str, text: str) -> bytes:
    """Return a play whose field has this JSON text, which json.dumps might not write."""
    return json.dumps({**PLAY, field: "@"}).replace('"@"', text).encode()


def test_the_events_of_the_contract_are_decoded() -> None:
    common = {"event_id": "01J9", "user_id": "u42", "video_id": "v7", "ts": TS, "region": "us", "device": "tv"}
    assert decode(encoded(PLAY)) == Play(**common, seconds_watched=1320.0)  # type: ignore[arg-type]
    assert decode(encoded(RATE)) == Rate(**common, rating=4.5)  # type: ignore[arg-type]
    assert decode(encoded(BROWSE)) == Browse(**common, action="list_add")  # type: ignore[arg-type]


def test_region_device_and_version_are_optional_and_unknown_fields_ignored() -> None:
    required = {name: PLAY[name] for name in ("event_id", "type", "user_id", "video_id", "ts", "seconds_watched")}
    event = decode(encoded(required, mood={"deep": [1, None, {}]}))
    assert (event.region, event.device, event.schema_version) == (None, None, 1)
    assert decode(encoded(required, region=None, device=None)) == event


@pytest.mark.parametrize(
    "fields",
    [
        {"rating": 0.5, "type": "rate"},
        {"rating": 5, "type": "rate"},
        {"seconds_watched": 1e-300},
        {"seconds_watched": 1e308},
        {"event_id": "x" * 64},
        {"video_id": "ü" * 64},
        {"video_id": "😀" * 64},
        {"video_id": "a b\u2028c\u200b"},
        {"region": "a-b_0" + "z" * 27},
        {"schema_version": 7},
        {"ts": "0001-01-01T00:00:00+14:00"},
        {"ts": "2026-11-24T10:00:00Z"},
        {"ts": "2026-11-24T23:59:59.999999+14:00"},
    ],
)
def test_the_limits_themselves_are_accepted(fields: dict[str, Any]) -> None:
    event = decode(encoded(PLAY, **fields))
    assert decode(encode_event(event)) == event


@pytest.mark.parametrize("field", ["event_id", "type", "user_id", "video_id", "ts", "seconds_watched"])
def test_a_missing_field_is_rejected(field: str) -> None:
    assert reason_of(encoded({name: value for name, value in PLAY.items() if name != field})) == "invalid_event"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[(field, bad) for field in ("event_id", "user_id", "video_id", "device") for bad in ("", "x" * 65, 7, True)],
        *[("video_id", f"{PRIVATE}{bad}") for bad in ("\n", "\0", "\x1f", "\x7f", "\x80", "\x9f", "\r\n", "\t")],
        *[("event_id", f"{bad}a") for bad in ("\n", "\x85")],
        *[(field, None) for field in ("event_id", "user_id", "video_id", "ts", "seconds_watched", "schema_version")],
        *[("region", bad) for bad in ("", "US", "us\n", "\nus", "u s", "x" * 33, "ü", "../x", 1, PRIVATE + ".")],
        *[("ts", bad) for bad in ("2026-11-23T10:00:00", "2026-11-23", PRIVATE, 1_700_000_000, 1.5, "", None)],
        *[("ts", bad) for bad in ("2026-13-01T00:00:00Z", "2026-11-23T24:00:00Z", "0000-01-01T00:00:00Z")],
        *[("seconds_watched", bad) for bad in (0, -1, "1320", True, [1], 10**400)],
        *[("schema_version", bad) for bad in (0, -1, 1.5, 1.0, "1", True, 2**31, 10**30, 10**1000)],
        *[("type", bad) for bad in (PRIVATE, "Play", "", 1, f"x - at `$.{PRIVATE}`", ["play"])],
    ],
)
def test_a_wrong_value_is_rejected(field: str, value: Any) -> None:
    assert reason_of(encoded(PLAY, **{field: value})) == "invalid_event"


@pytest.mark.parametrize("rating", [0, 0.49, 5.01, -1, "4", True, None, 1e300])
def test_a_wrong_rating_is_rejected(rating: object) -> None:
    assert reason_of(encoded(RATE, rating=rating)) == "invalid_event"


@pytest.mark.parametrize("action", [PRIVATE, "VIEW", "", 1, None, True])
def test_a_wrong_action_is_rejected(action: object) -> None:
    assert reason_of(encoded(BROWSE, action=action)) == "invalid_event"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e", "01", "+1", ".5", "1_000"])
def test_what_is_no_json_number_is_rejected(number: str) -> None:
    assert reason_of(spliced("seconds_watched", number)) == "invalid_json"


@pytest.mark.parametrize("number", ["1e999", "1e400000000000000000000", "-1e999", "1e-999", "9" * 5000])
def test_a_number_that_no_float_holds_is_rejected(number: str) -> None:
    assert reason_of(spliced("seconds_watched", number)) == "invalid_event"


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\ud800x"', '"\\udc00\\ud800"', '"\\u12"', '"a\nb"', '"\\x41"'])
@pytest.mark.parametrize("field", ["video_id", "unknown"])
def test_a_broken_string_is_rejected(field: str, text: str) -> None:
    assert reason_of(spliced(field, text)) == "invalid_json"


@pytest.mark.parametrize("text", [b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xe2\x82", b"\xf5\x80\x80\x80"])
@pytest.mark.parametrize("field", ["video_id", "unknown"])
def test_invalid_utf8_is_rejected_wherever_it_is(field: str, text: bytes) -> None:
    assert reason_of(encoded({**PLAY, field: "@"}).replace(b"@", text)) == "invalid_utf8"


@pytest.mark.parametrize("text", [b"{", b"}", b'{"a":}', b"\xef\xbb\xbf{}", b"'", b'{"a":1,}', b"nul", b" "])
def test_invalid_json_is_rejected(text: bytes) -> None:
    assert reason_of(text) == "invalid_json"


@pytest.mark.parametrize("text", [b"[]", b"null", b"1", b'"play"', b"{}", b"true", b'{"type":"play"}'])
def test_json_that_is_no_event_is_rejected(text: bytes) -> None:
    assert reason_of(text) == "invalid_event"


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_nesting_is_rejected(opening: bytes) -> None:
    deep = opening * ((MAX_EVENT_BYTES - 20) // len(opening))
    assert reason_of(b'{"type":"play","x":' + deep) == "invalid_json"


@pytest.mark.parametrize("value", [None, b""])
def test_an_empty_value_is_rejected(value: bytes | None) -> None:
    assert reason_of(value) == "empty"


def test_the_size_is_limited() -> None:
    padding = MAX_EVENT_BYTES - len(encoded(PLAY, pad=""))
    assert decode(encoded(PLAY, pad="x" * padding)) == decode(encoded(PLAY))
    assert reason_of(encoded(PLAY, pad="x" * (padding + 1))) == "too_large"
    assert reason_of(b"\xff" * (MAX_EVENT_BYTES + 1)) == "too_large"


def test_an_event_more_than_a_day_ahead_is_rejected() -> None:
    assert reason_of(encoded(PLAY, ts="2026-11-24T10:00:00.001Z")) == "future_ts"
    assert reason_of(encoded(PLAY, ts="9999-12-31T23:59:59-14:00")) == "future_ts"


@pytest.mark.parametrize("key", [None, b"", b"u4", b"u42 ", b'"u42"', b"\xff", b"u42\n"])
def test_a_key_that_is_not_the_user_is_rejected(key: bytes | None) -> None:
    assert reason_of(encoded(PLAY), key) == "key_mismatch"


def test_the_key_is_the_users_utf8() -> None:
    assert decode(encoded(PLAY, user_id="ü"), "ü".encode()).user_id == "ü"
    assert reason_of(encoded(PLAY, user_id="ü"), "ü".encode("latin-1")) == "key_mismatch"
    assert reason_of(encoded(PLAY, user_id="\u00fc"), b"u\xcc\x88") == "key_mismatch"  # not normalised


def test_the_message_names_the_field() -> None:
    with pytest.raises(Rejected, match=r"\$\.rating.*`float` <= 5"):
        decode(encoded(RATE, rating=6))


@given(st.binary(max_size=200), st.none() | st.binary(max_size=8))
@example(b"\x00", None)
def test_random_bytes_are_rejected(value: bytes, key: bytes | None) -> None:
    assert outcome(value, key) in REASONS


@given(st.sampled_from([PLAY, RATE, BROWSE]), st.data())
def test_mutated_events_give_an_event_or_rejected(event: dict[str, Any], data: st.DataObject) -> None:
    value = bytearray(encoded(event))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(value)))
        stop = data.draw(st.integers(start, min(start + 4, len(value))))
        value[start:stop] = data.draw(st.binary(max_size=3) | st.sampled_from([b'"', b"\\u", b"{", b"1e", b"-", b"0"]))
    result = outcome(bytes(value), b"u42")
    assert result in REASONS if isinstance(result, str) else outcome(encode_event(result), b"u42") == result


@given(
    IDENTIFIERS,
    IDENTIFIERS,
    st.datetimes(max_value=TS.replace(tzinfo=None), timezones=st.just(UTC)),
    st.floats(0, exclude_min=True, allow_infinity=False),
)
def test_what_is_encoded_is_decoded(user_id: str, video_id: str, ts: datetime, seconds: float) -> None:
    event = Play(event_id="e", user_id=user_id, video_id=video_id, ts=ts, seconds_watched=seconds)
    assert decode_event(encode_event(event), user_id.encode(), NOW) == event


def test_defaults_are_not_encoded() -> None:
    event = Browse(event_id="e", user_id="u", video_id="v", ts=TS, action="view")
    assert json.loads(encode_event(event)) == {
        "type": "browse",
        "event_id": "e",
        "user_id": "u",
        "video_id": "v",
        "ts": "2026-11-23T10:00:00Z",
        "action": "view",
    }


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999), st.integers(0, 999))
def test_milliseconds_are_rounded_down(milliseconds: int, microseconds: int) -> None:
    ts = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds, microseconds=microseconds)
    assert event_milliseconds(msgspec.structs.replace(decode(encoded(PLAY)), ts=ts)) == milliseconds


@pytest.mark.parametrize(
    ("text", "expected"), [("a", True), ("", False), ("a\n", False), ("ü" * 64, True), ("x" * 65, 0)]
)
def test_identifiers(text: str, expected: bool) -> None:
    assert is_identifier(text) == expected
