"""One bound of nesting, ours, for whatever decodes a stranger's JSON; what stands in strings does not count."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.artifacts.artifact_files import decode_metrics
from models.artifacts.manifest import Manifest, decode_manifest, encode_manifest
from models.errors import AnnouncementInvalid, ArtifactInvalid, DescriptionInvalid
from models.factorization.model_description import decode_description
from models.feedback.events import Rejected, decode_event
from models.json_nesting import MAX_NESTING, NestedTooDeeply, shallow
from models.numerics.tensors import tensor_shapes
from models.rollout.announcement import decode_announcement
from models.rollout.rejection import CANARY, Rejection, decode_rejection
from tests.support.announcements import FIELDS as ANNOUNCEMENT
from tests.support.event_fields import NOW, PLAY
from tests.support.manifests import MANIFEST
from tests.support.nested_json import nested, stranger_in

_QUOTED = st.text(st.sampled_from('[]{}"\\,:a'), max_size=6)
_VALUES = st.recursive(
    st.none() | st.integers(0, 9) | _QUOTED,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_QUOTED, inner, max_size=3),
    max_leaves=30,
)


def _depth(value: Any) -> int:
    if not isinstance(value, list | dict):
        return 0
    return 1 + max(map(_depth, value.values() if isinstance(value, dict) else value), default=0)


def _wrapped(value: object, times: int) -> bytes:
    return b'[{"\\"]}":' * (times // 2) + b"[" * (times % 2) + json.dumps(value).encode()


@given(_VALUES, st.integers(MAX_NESTING - 8, MAX_NESTING))
def test_a_text_is_shallow_just_when_its_value_is(value: Any, around: int) -> None:
    text = _wrapped(value, around) + b"]" * (around % 2) + b"}]" * (around // 2)
    assert _depth(json.loads(text)) == around + _depth(value)
    if around + _depth(value) <= MAX_NESTING:
        assert shallow(text) is text
    else:
        with pytest.raises(NestedTooDeeply, match=f"more than {MAX_NESTING} deep"):
            shallow(text)


@pytest.mark.parametrize(
    "text",
    [
        b"[" * MAX_NESTING,
        b"[]" * 10_000,
        b"[" + b"{}," * 10_000 + b"{}]",
        b'"' + b"[{" * 10_000 + b'"',
        b'"\\\\\\"' + b"[" * 1_000 + b'"',
        b'["\\\\",' + b'"[\\"[",' * 1_000 + b"1]",
        b"",
        b"]" * 1_000,
    ],
)
def test_brackets_that_do_not_nest_are_many_as_one_likes(text: bytes) -> None:
    assert shallow(text) is text


@pytest.mark.parametrize(
    "text",
    [b"[" * (MAX_NESTING + 1), b'"\\\\"' + b"[" * 1_000, b'["a\\"b",' + b"[" * MAX_NESTING, b'{"a":' * 100_000],
)
def test_what_is_cut_off_is_as_deep_as_it_came(text: bytes) -> None:
    with pytest.raises(NestedTooDeeply):
        shallow(text)


def _manifest(value: bytes) -> bytes:
    made = encode_manifest(msgspec.convert(MANIFEST | {"hyperparameters": {"a": "HERE"}}, Manifest))
    return msgspec.json.format(made.replace(b'"HERE"', value), indent=2) + b"\n"


_EVENT, _ANNOUNCEMENT = json.dumps(PLAY).encode(), json.dumps(ANNOUNCEMENT).encode()
_REJECTION = Rejection.of(
    decode_announcement(_ANNOUNCEMENT), CANARY, "too few", "w1", datetime(2026, 11, 24, tzinfo=UTC)
).encode()


@pytest.mark.parametrize(
    ("decode", "error", "around", "frame"),
    [
        (partial(decode_event, key=b"u42", now=NOW), Rejected, 1, partial(stranger_in, _EVENT)),
        (decode_announcement, AnnouncementInvalid, 1, partial(stranger_in, _ANNOUNCEMENT)),
        (decode_rejection, AnnouncementInvalid, 1, partial(stranger_in, _REJECTION)),
        (decode_metrics, ArtifactInvalid, 1, lambda value: b'{"a":%s}' % value),
        (decode_manifest, ArtifactInvalid, 2, _manifest),
    ],
)
def test_every_decoder_reads_to_the_bound_and_no_further(
    decode: Callable[[bytes], object], error: type[Exception], around: int, frame: Callable[[bytes], bytes]
) -> None:
    assert not isinstance(decode(frame(nested(MAX_NESTING - around))), error)
    for depth in (MAX_NESTING - around + 1, 900):
        with pytest.raises(error, match=f"nested more than {MAX_NESTING} deep"):
            decode(frame(nested(depth)))


def test_a_description_has_no_place_for_nesting_and_is_refused_for_its_depth_first() -> None:
    for depth, words in (
        (MAX_NESTING - 2, "unknown field `a`"),
        (MAX_NESTING - 1, "nested more than"),
        (900, "nested more than"),
    ):
        with pytest.raises(DescriptionInvalid, match=words):
            decode_description(b'{"ranker":{"a":%s}}' % nested(depth))


def test_the_header_of_tensors_is_refused_for_its_depth_first() -> None:
    header = b'{"a":%s}' % nested(MAX_NESTING)
    with pytest.raises(ArtifactInvalid, match="nested more than"):
        tensor_shapes(len(header).to_bytes(8, "little") + header)
