"""The identity of a model: two models share it only if region, version and digest are the same."""

from itertools import combinations

import pytest

from models.factorization.model_id import NO_DIGEST, ModelId, encoded_version

DIFFERENT = [
    ModelId("global", "v1"),
    ModelId("us", "v1"),
    ModelId("us", "v2"),
    ModelId("us", "v1", b"12345678"),
    ModelId("us", "v1", b"12345679"),
]


@pytest.mark.parametrize(("one", "other"), [*combinations(DIFFERENT, 2)])
def test_each_part_tells_models_apart(one: ModelId, other: ModelId) -> None:
    assert one != other
    assert one.encoded != other.encoded


def test_equal_parts_are_one_model() -> None:
    assert ModelId("us", "v1", b"12345678").encoded == ModelId("us", "v1", b"12345678").encoded


@pytest.mark.parametrize("one", DIFFERENT)
def test_the_bytes_name_the_version(one: ModelId) -> None:
    assert encoded_version(one.encoded) == one.version
    assert len(one.encoded) == len(NO_DIGEST) + len(one.region) + 1 + len(one.version)


@pytest.mark.parametrize("data", [b"", b"abc", b"12345678us"])
def test_what_is_no_identity_names_nothing(data: bytes) -> None:
    assert encoded_version(data) == ""
