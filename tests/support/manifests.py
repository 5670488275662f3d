"""The fields of a manifest, as its file has them."""

from typing import Any

MANIFEST: dict[str, Any] = {
    "format": 1,
    "region": "us",
    "version": "20261123T100000Z-0a1b2c3d",
    "created": "2026-11-23T10:00:00Z",
    "code_version": "1.2.3",
    "data_window": {"offsets": {"0": [0, 10]}},
    "parent": None,
    "hyperparameters": {"n_factors": 2},
    "files": {"videos": {"sha256": "0a" * 32, "size": 3}},
    "signature": None,
}
