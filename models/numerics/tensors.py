"""The arrays of a version in the safetensors format, refused by their header before anything is allocated.

A file is a little-endian uint64 (the header's length), the header (JSON: name, dtype, shape and offsets of each
tensor) and the tensors' bytes, end to end.
"""

from collections.abc import Mapping
from math import prod
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from models.errors import ArtifactInvalid
from models.json_nesting import shallow

_MAX_HEADER_BYTES = 4096
_FLOAT32_BYTES = 4


class _Tensor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    dtype: Literal["F32"]
    shape: list[int]
    data_offsets: tuple[int, int]


_HEADER = msgspec.json.Decoder(dict[str, _Tensor])


def encode_tensors(tensors: Mapping[str, NDArray[np.float32]]) -> bytes:
    """Return the arrays as one safetensors file; equal arrays give equal bytes."""
    return save({name: np.ascontiguousarray(array) for name, array in tensors.items()})


def tensor_shapes(content: bytes) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor by its name. Nothing is allocated but the header.

    Raises
    ------
    ArtifactInvalid
        If the header does not describe exactly the bytes that are there, as float32.
    """
    length = int.from_bytes(content[:8], "little")
    data = len(content) - 8 - length
    if length > _MAX_HEADER_BYTES or data < 0:
        raise ArtifactInvalid(f"factors.safetensors: a header of {length} bytes in a file of {len(content)}")
    try:
        tensors = _HEADER.decode(shallow(content[8 : 8 + length]))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ArtifactInvalid(f"factors.safetensors: the header cannot be read: {error}") from error
    end = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: item[1].data_offsets):
        size = prod(tensor.shape) * _FLOAT32_BYTES
        if min(tensor.shape, default=0) < 1 or tensor.data_offsets != (end, end + size):
            raise ArtifactInvalid(f"factors.safetensors: shape and offsets of {name!r} do not fit the file")
        end += size
    if end != data:
        raise ArtifactInvalid(f"factors.safetensors: the header describes {end} bytes, {data} are there")
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def decode_tensors(content: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays, read-only; look at `tensor_shapes` first.

    Raises
    ------
    ArtifactInvalid
        If the file is not a safetensors file.
    """
    try:
        tensors: dict[str, NDArray[Any]] = load(content)
    except (SafetensorError, ValueError) as error:
        raise ArtifactInvalid(f"factors.safetensors cannot be read: {error}") from error
    for array in tensors.values():
        array.flags.writeable = False
    return tensors
