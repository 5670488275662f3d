import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ArtifactInvalid
from models.numerics.tensors import decode_tensors, encode_tensors, tensor_shapes

FACTORS = np.array([[1, 2], [3, 4], [5, 6]], np.float32)


def with_header(header: dict[str, Any]) -> bytes:
    encoded = json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + FACTORS.tobytes()


def test_what_is_encoded_is_decoded_read_only() -> None:
    content = encode_tensors({"a": FACTORS, "b": np.asfortranarray(FACTORS)})
    assert tensor_shapes(content) == {"a": (3, 2), "b": (3, 2)}
    for array in decode_tensors(content).values():
        np.testing.assert_array_equal(array, FACTORS)
        assert not array.flags.writeable


@pytest.mark.parametrize("offsets", [[0, 8], [4, 28], [24, 0], [-24, 0], [0, 24, 48], [1, 25]])
def test_offsets_that_do_not_fit_are_refused(offsets: list[int]) -> None:
    with pytest.raises(ArtifactInvalid):
        tensor_shapes(with_header({"a": {"dtype": "F32", "shape": [3, 2], "data_offsets": offsets}}))


def test_overlapping_tensors_are_refused() -> None:
    with pytest.raises(ArtifactInvalid, match="offsets of 'b'"):
        tensor_shapes(with_header({x: {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]} for x in "ab"}))


@given(st.binary(min_size=1, max_size=200).filter(lambda header: header.strip() != b"{}"), st.booleans())
def test_random_bytes_are_refused(content: bytes, framed: bool) -> None:
    file = struct.pack("<Q", len(content)) + content if framed else content
    with pytest.raises(ArtifactInvalid):
        tensor_shapes(file)
    with pytest.raises(ArtifactInvalid):
        decode_tensors(file)
