import re
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.feedback.events import Identifier, Region
from models.feedback.facts import IS_SEEN, Kind
from models.names import (
    DIGEST_PATTERN,
    ID_PATTERN,
    REGION_PATTERN,
    SEEN,
    VERSION_PATTERN,
    has_control_characters,
    is_digest,
    is_identifier,
    is_path,
    is_region,
    is_version,
)
from models.rollout.announcement import Digest, Version

CHECKS: dict[str, tuple[Callable[[str], bool], str, object]] = {
    "id": (is_identifier, ID_PATTERN, Identifier),
    "region": (is_region, REGION_PATTERN, Region),
    "version": (is_version, VERSION_PATTERN, Version),
    "digest": (is_digest, DIGEST_PATTERN, Digest),
}
TEXTS = st.one_of(
    st.text(max_size=70),
    st.text("abz09_-.A\n", max_size=70),
    st.text("0123456789abcdef", min_size=63, max_size=65),
)


@pytest.mark.parametrize(
    ("text", "expected"), [("a", True), ("", False), ("a\n", False), ("ü" * 64, True), ("x" * 65, 0)]
)
def test_identifiers(text: str, expected: bool) -> None:
    assert is_identifier(text) == expected


def test_names() -> None:
    assert all(map(is_region, ["us", "a-b_0", "u" * 32]))
    assert not any(map(is_region, ["", "US", "u" * 33, "us\n", "."]))
    assert all(map(is_version, ["20261123T100000Z-0a1b2c3d", "v1.0_b", "v" * 64]))
    assert not any(map(is_version, ["", ".", "..", ".v", "v" * 65, "v\n", "a/b", "ü"]))


def test_paths_are_names_with_slashes_between_them() -> None:
    assert all(map(is_path, ["videos", "us/v1/videos", f"{'v' * 64}/{'v' * 64}"]))
    assert not any(map(is_path, ["", "/", "/us", "us/", "us//v1", "us/../v1", "us/.v1", "us/v 1", "v" * 65]))


def test_digests() -> None:
    assert is_digest("0123456789abcdef" * 4)
    assert not any(map(is_digest, ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 64 + "\n"]))


@pytest.mark.parametrize(
    ("text", "expected"), [("", 0), ("aü ~", 0), ("a\x00", 1), ("\x1f", 1), ("\x7fb", 1), ("\x9f", 1)]
)
def test_control_characters_are_those_of_c0_and_c1_and_del(text: str, expected: bool) -> None:
    assert has_control_characters(text) == expected


@pytest.mark.parametrize("name", CHECKS)
@given(text=TEXTS)
@example(text="a\n")
@example(text="\n")
@example(text="")
def test_function_pattern_and_type_agree(name: str, text: str) -> None:
    check, pattern, kind = CHECKS[name]
    (schema,), _ = msgspec.json.schema_components([kind])
    sized = schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text))
    by_schema = sized and re.search(schema["pattern"], text) is not None
    assert (check(text), re.search(pattern, text) is not None) == (by_schema, by_schema)


def test_seen_is_what_was_played_rated_or_dismissed() -> None:
    assert {kind for kind in Kind if IS_SEEN[kind]} == {Kind.PLAY, Kind.RATE, Kind.DISMISS}
    assert sum(IS_SEEN) == len(SEEN) == 3
