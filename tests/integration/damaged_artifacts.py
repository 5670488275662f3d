"""Artifacts that broken jobs would write, and what a worker says of each."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save

FACTORS = "factors.safetensors"


def flip_a_byte(folder: Path) -> None:
    """Change one byte in the middle of the factors."""
    content = bytearray((folder / FACTORS).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / FACTORS).write_bytes(bytes(content))


def truncate(folder: Path) -> None:
    """Cut the factors in half."""
    content = (folder / FACTORS).read_bytes()
    (folder / FACTORS).write_bytes(content[: len(content) // 2])


def lose_the_manifest(folder: Path) -> None:
    """Remove the manifest: the version does not exist."""
    (folder / "manifest.json").unlink()


def rewrite(folder: Path, name: str, content: bytes) -> None:
    """Replace a file and make the manifest agree with it, as a broken job would."""
    before = (folder / name).read_bytes()
    (folder / name).write_bytes(content)
    manifest = (folder / "manifest.json").read_text()
    manifest = manifest.replace(sha256(before).hexdigest(), sha256(content).hexdigest())
    (folder / "manifest.json").write_text(manifest.replace(f'"size": {len(before)}', f'"size": {len(content)}'))


def with_tensors(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    """Damage the tensors and make manifest and digests agree with the damage."""

    def damage(folder: Path) -> None:
        tensors = load_file(folder / FACTORS)
        change(tensors)
        rewrite(folder, FACTORS, save(tensors))

    return damage


def repeat_an_id(folder: Path) -> None:
    """Two rows are one video's."""
    rewrite(folder, "videos", (folder / "videos").read_bytes().replace(b"v1\n", b"v2\n", 1))


def claim_many_rows(folder: Path) -> None:
    """The header of the factors claims 10^12 rows."""
    content = (folder / FACTORS).read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = content[8 : 8 + length].replace(b"[200,16]", b"[1000000000000,16]").rstrip()
    rewrite(folder, FACTORS, len(header).to_bytes(8, "little") + header + content[8 + length :])


def leave_the_store(folder: Path) -> None:
    """The factors are a link to a file elsewhere."""
    outside = folder.parents[2] / "elsewhere"
    (folder / FACTORS).rename(outside)
    (folder / FACTORS).symlink_to(outside)


def store_float64(tensors: dict[str, Any]) -> None:
    """The factors have another dtype."""
    tensors["video_factors"] = tensors["video_factors"].astype(np.float64)


def lose_a_factor(tensors: dict[str, Any]) -> None:
    """The factors are of another rank than the gram."""
    tensors["video_factors"] = tensors["video_factors"][:, :-1].copy()


def put_nan(tensors: dict[str, Any]) -> None:
    """One factor is not a number."""
    tensors["video_factors"] = tensors["video_factors"].copy()
    tensors["video_factors"][3, 2] = np.nan


def drop_a_row(tensors: dict[str, Any]) -> None:
    """One video has no factors."""
    tensors["video_factors"] = tensors["video_factors"][:-1].copy()


DAMAGES = {
    "flipped": (flip_a_byte, "is not what its manifest lists"),
    "truncated": (truncate, "is not what its manifest lists"),
    "without manifest": (lose_the_manifest, "manifest"),
    "not finite": (with_tensors(put_nan), "NaN or infinity, first in row 3"),
    "mis-shaped": (with_tensors(drop_a_row), "199"),
    "of another rank": (with_tensors(lose_a_factor), "do not make a model"),
    "of another dtype": (with_tensors(store_float64), "factors.safetensors"),
    "with an id twice": (repeat_an_id, "appears more than once"),
    "of too many rows": (claim_many_rows, "factors.safetensors"),
    "out of the store": (leave_the_store, "leads out of the model store"),
}
