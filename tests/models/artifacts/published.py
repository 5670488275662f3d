"""A small version on disk, to be read and broken."""

import json
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save

from app.publishing.model_store import ModelStore
from models.artifacts.artifact import (
    read_artifact,
    write_artifact,
)
from models.artifacts.artifact_files import FILES, ArtifactLimits
from models.artifacts.files import ArtifactFiles
from models.artifacts.manifest import FileEntry, Manifest, decode_manifest, encode_manifest, sign
from models.errors import ArtifactInvalid
from models.factorization.factor_model import FactorModel
from models.factorization.model_description import ModelDescription

KEY = b"the key of the workers"
LIMITS = ArtifactLimits(max_videos=100, max_factors=8, max_bytes=100_000)
CREATED = datetime(2026, 11, 23, 10, tzinfo=UTC)
FACTORS = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
GRAM = np.array([[35, 44], [44, 56]], np.float32)
COUNTS = np.array([3, 2, 1], np.float32)
IDS = ("a", "ü", "c d")
VERSION = "20261123T100000Z-0a1b2c3d"
NAMES = [*FILES, "manifest.json"]


def model(**fields: Any) -> FactorModel:
    parts: dict[str, Any] = {
        "video_ids": IDS,
        "factors": FACTORS,
        "popularity": COUNTS,
        "description": ModelDescription(),
    }
    return FactorModel.build(region="us", version=VERSION, **parts | fields)


def write(store: ArtifactFiles, written: FactorModel, **fields: Any) -> Manifest:
    provenance: dict[str, Any] = {
        "metrics": {"ndcg@20": 0.25},
        "created": CREATED,
        "code_version": "1.2.3",
        "data_window": {"offsets": {"0": [0, 10]}},
        "previous_version": None,
        "hyperparameters": {"n_factors": 2, "regularization": 1e-05},
    }
    return write_artifact(store, written, **provenance | fields)


@dataclass(frozen=True)
class Published:
    """A version on disk, to be broken."""

    store: ModelStore
    folder: Path

    def read(self, **fields: Any) -> FactorModel:
        return read_artifact(self.store, "us", VERSION, **{"digest": None, "limits": LIMITS} | fields)

    def manifest(self) -> Manifest:
        return decode_manifest((self.folder / "manifest.json").read_bytes())

    def replace(self, name: str, content: bytes, key: bytes | None = None) -> None:
        """Replace a file and make the manifest agree, as an attacker or a broken publisher could."""
        (self.folder / name).write_bytes(content)
        files = {**self.manifest().files, name: FileEntry.of(content)}
        self.replace_manifest(key, files=files)

    def replace_manifest(self, key: bytes | None = None, **fields: Any) -> None:
        manifest = msgspec.structs.replace(self.manifest(), **fields)
        (self.folder / "manifest.json").write_bytes(encode_manifest(sign(manifest, key) if key else manifest))

    def refuses(self, words: str | None = None, **fields: Any) -> None:
        with pytest.raises(ArtifactInvalid, match=words):
            self.read(**fields)


def tensors(**arrays: NDArray[Any]) -> bytes:
    return save({"video_factors": FACTORS, "gram": GRAM, "popularity": COUNTS} | arrays)


def with_header(header: dict[str, Any], data: bytes = b"") -> bytes:
    encoded = json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + data
