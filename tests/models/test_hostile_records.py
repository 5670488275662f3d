"""Whatever bytes a topic or a model store hands over, either a valid object or the one typed error comes out."""

import json
import tracemalloc
from collections.abc import Callable
from functools import partial
from math import isfinite
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st

from models.artifacts.artifact_files import decode_metrics
from models.artifacts.manifest import Manifest, decode_manifest, encode_manifest
from models.errors import AnnouncementInvalid, ArtifactInvalid, DescriptionInvalid
from models.factorization.model_description import (
    MAX_DESCRIPTION_BYTES,
    ModelDescription,
    decode_description,
    encode_description,
)
from models.feedback.events import (
    MAX_EVENT_BYTES,
    REASONS,
    Play,
    Rate,
    Rejected,
    decode_event,
    encode_event,
)
from models.names import is_identifier
from models.rollout.announcement import MAX_ANNOUNCEMENT_BYTES, Announcement, decode_announcement
from tests.support.announcements import FIELDS as ANNOUNCEMENT
from tests.support.announcements import PREVIOUS
from tests.support.event_fields import BROWSE, NOW, PLAY, RATE
from tests.support.hostile import DEPTHS, deep, fields_of, for_all, mutations, outcome, runs, texts
from tests.support.manifests import MANIFEST

DESCRIPTION = json.loads(encode_description(ModelDescription()))


decode_as_ann = partial(decode_event, key=b"u42", now=NOW)


def check_event(value: bytes) -> None:
    event = outcome(decode_as_ann, Rejected, value)
    if isinstance(event, Rejected):
        assert event.reason in REASONS
        assert len(str(event)) < 500
        return
    assert all(map(is_identifier, (event.event_id, event.user_id, event.video_id)))
    amount = event.seconds_watched if isinstance(event, Play) else event.rating if isinstance(event, Rate) else 0.0
    assert isfinite(amount)
    assert type(event.schema_version) is int
    assert decode_as_ann(encode_event(event)) == event


@runs
@pytest.mark.parametrize("event", [PLAY, RATE, BROWSE], ids=lambda event: event["type"])
def test_an_event_or_rejected(event: dict[str, Any], examples: int) -> None:
    for_all(texts(fields_of(event)), check_event, examples)


@runs
def test_any_other_key_is_rejected(examples: int) -> None:
    def check(key: bytes | None) -> None:
        found = outcome(partial(decode_event, json.dumps(PLAY).encode(), now=NOW), Rejected, key)
        assert isinstance(found, Play) if key == b"u42" else isinstance(found, Rejected)

    for_all(
        st.none() | st.binary(max_size=100) | st.sampled_from([b"u42", b"u42\0", b"\xff" * 10_000]), check, examples
    )


def check_announcement(value: bytes) -> None:
    announcement = outcome(decode_announcement, AnnouncementInvalid, value)
    if isinstance(announcement, Announcement):
        assert announcement.location == f"{announcement.region}/{announcement.version}"
        assert ".." not in announcement.location.split("/")
        assert decode_announcement(announcement.encode()) == announcement


@runs
@pytest.mark.parametrize("part", [None, "fallback"])
def test_an_announcement_or_invalid(part: str | None, examples: int) -> None:
    if part is None:
        for_all(texts(fields_of({**ANNOUNCEMENT, "trial": False, "fallback": PREVIOUS})), check_announcement, examples)
    else:
        start = json.dumps(ANNOUNCEMENT).encode()[:-1]
        whole = texts(fields_of(PREVIOUS)).map(lambda text: start + b', "fallback":%s}' % text)
        for_all(whole, check_announcement, examples)


def check_manifest(content: bytes) -> None:
    manifest = outcome(decode_manifest, ArtifactInvalid, content)
    if isinstance(manifest, Manifest):
        assert encode_manifest(manifest) == content


@runs
def test_a_manifest_or_invalid(examples: int) -> None:
    canonical = encode_manifest(msgspec.convert(MANIFEST, Manifest))
    for_all(texts(fields_of(MANIFEST)) | mutations(canonical), check_manifest, examples)


def check_description(data: bytes) -> None:
    description = outcome(decode_description, DescriptionInvalid, data)
    if isinstance(description, ModelDescription):
        parts = description.confidence, description.solver
        constants = [getattr(part, name) for part in parts for name in part.__struct_fields__]
        assert all(map(isfinite, constants))
        assert decode_description(encode_description(description)) == description


@runs
@pytest.mark.parametrize("part", [None, "strengths", "solver"])
def test_a_description_or_invalid(part: str | None, examples: int) -> None:
    if part is None:
        for_all(texts(fields_of(DESCRIPTION)), check_description, examples)
    else:
        whole = texts(fields_of(DESCRIPTION[part])).map(lambda text: b'{"%s":%s}' % (part.encode(), text))
        for_all(whole, check_description, examples)


@runs
def test_metrics_or_invalid(examples: int) -> None:
    def check(content: bytes) -> None:
        assert isinstance(outcome(decode_metrics, ArtifactInvalid, content), dict | ArtifactInvalid)

    for_all(texts(fields_of({"ndcg@20": 0.25, "recall@20": None})), check, examples)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize(
    ("decode", "error", "frame"),
    [
        (decode_description, DescriptionInvalid, b'{"ranker":{"a":%s}}'),
        (decode_metrics, ArtifactInvalid, b'{"a":%s}'),
        (decode_manifest, ArtifactInvalid, b'{"data_window":%s}'),
        (decode_announcement, AnnouncementInvalid, b'{"a":%s}'),
    ],
)
def test_nesting_is_refused_or_read_wherever_anything_may_stand(
    decode: Callable[[bytes], object], error: type[Exception], frame: bytes, depth: int
) -> None:
    for text in deep(depth):
        found = outcome(decode, error, frame % text)
        assert depth < 1_000 or isinstance(found, error)


def allocated(decode: Callable[[bytes], object], error: type[Exception], value: bytes) -> int:
    """Return the bytes that were allocated at most while a value was refused."""
    with pytest.raises(error):  # what is made once only does not count
        decode(value)
    tracemalloc.start()
    try:
        with pytest.raises(error):
            decode(value)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("filling", [b"x", b"\xff", b'{"a":', b"[", b'"\\u0041'], ids=repr)
@pytest.mark.parametrize(
    ("decode", "error", "limit"),
    [
        (decode_as_ann, Rejected, MAX_EVENT_BYTES),
        (decode_announcement, AnnouncementInvalid, MAX_ANNOUNCEMENT_BYTES),
        (decode_description, DescriptionInvalid, MAX_DESCRIPTION_BYTES),
    ],
)
def test_what_is_too_large_is_refused_before_it_is_read(
    decode: Callable[[bytes], object], error: type[Exception], limit: int, filling: bytes
) -> None:
    small, large = (b'{"a":"' + filling * (size // len(filling)) for size in (limit + 1, 10 << 20))
    assert allocated(decode, error, large) <= allocated(decode, error, small) + 1024


@pytest.mark.parametrize("filling", [b"x", b"\\u00e9", b'","b":"', b"\xff"], ids=repr)
def test_refusing_an_event_of_the_largest_size_takes_little_memory(filling: bytes) -> None:
    body = filling * ((MAX_EVENT_BYTES - 20) // len(filling))
    assert allocated(decode_as_ann, Rejected, b'{"a":"' + body + b'"}') < 8 * MAX_EVENT_BYTES


@pytest.mark.parametrize(
    ("decode", "error", "fields", "kind"),
    [
        (decode_as_ann, Rejected, PLAY, Play),
        (decode_announcement, AnnouncementInvalid, ANNOUNCEMENT, Announcement),
        (decode_description, DescriptionInvalid, DESCRIPTION, ModelDescription),
    ],
)
def test_valid_objects_are_among_what_is_tried(
    decode: Callable[[bytes], object], error: type[Exception], fields: dict[str, Any], kind: type
) -> None:
    """What stands behind the parser is reached, too."""
    seen: set[type] = set()
    for_all(texts(fields_of(fields)), lambda value: seen.add(type(outcome(decode, error, value))), 100)
    assert seen == {kind, error}
