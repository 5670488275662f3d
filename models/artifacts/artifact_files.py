"""The files of a version: a model as bytes, and back to a model that is known to work.

The bytes are trusted with nothing: the header and the limits are checked before arrays are made of them, ids, gram and
values after, and the model must solve users before it is handed out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.errors import ArtifactInvalid
from models.factorization.factor_model import FactorModel
from models.factorization.model_description import decode_description, encode_description
from models.factorization.model_id import ModelId
from models.json_nesting import shallow
from models.names import ID_RULE, MAX_ID_CHARACTERS, is_identifier
from models.numerics.tensors import decode_tensors, encode_tensors, tensor_shapes

FILES = ("model.json", "factors.safetensors", "videos", "metrics.json")

_MAX_LINE_BYTES = 4 * MAX_ID_CHARACTERS + 1
_GRAM_TOLERANCE = 1e-5
_SOLVED_VIDEOS = (1, 5, 20, 100)
_METRICS = msgspec.json.Decoder(dict[str, Any])
_SOLVED_USERS = 8  # of each length: rounding may let a few pass a matrix that is singular in float64


@dataclass(frozen=True, slots=True)
class ArtifactLimits:
    """What a worker is ready to load.

    Parameters
    ----------
    max_videos, max_factors
        Largest n_videos and k.
    max_bytes
        Largest sum of the sizes of the files.
    """

    max_videos: int = 1_000_000
    max_factors: int = 1024
    max_bytes: int = 1 << 30


def encode_files(model: FactorModel, metrics: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the content of each of `FILES`; the same model and metrics give the same bytes.

    Raises
    ------
    ArtifactInvalid
        If an id of a video is not an identifier.
    """
    for video_id in model.video_ids:
        if not is_identifier(video_id):
            raise ArtifactInvalid(f"{video_id!r} is not a video id: {ID_RULE}")
    tensors = {"video_factors": model.factors, "gram": model.gram, "popularity": model.popularity}
    return {
        "model.json": encode_description(model.description),
        "factors.safetensors": encode_tensors(tensors),
        "videos": "".join(f"{video_id}\n" for video_id in model.video_ids).encode(),
        "metrics.json": msgspec.json.encode(metrics, order="deterministic"),
    }


def decode_model(model_id: ModelId, files: Mapping[str, bytes], limits: ArtifactLimits) -> FactorModel:
    """Return the model of that identity, which the files hold, after it solved made-up users.

    Raises
    ------
    ModelError
        If the files do not fit each other or the limits, or the model cannot solve one of those users.
    """
    n_videos = _check_shapes(tensor_shapes(files["factors.safetensors"]), limits)
    video_ids = _decode_ids(files["videos"], n_videos)
    description = decode_description(files["model.json"])
    tensors = decode_tensors(files["factors.safetensors"])
    with np.errstate(all="ignore"):  # what overflows is found out by the checks
        model = FactorModel.build(
            region=model_id.region,
            version=model_id.version,
            digest=model_id.digest,
            video_ids=video_ids,
            factors=tensors["video_factors"],
            popularity=tensors["popularity"],
            description=description,
        )
        _check_gram(tensors["gram"], model.gram)
        _try(model)
    return model


def decode_metrics(content: bytes) -> dict[str, Any]:
    """Return what ``metrics.json`` holds.

    Raises
    ------
    ArtifactInvalid
        If it is not a JSON object.
    """
    try:
        return _METRICS.decode(shallow(content))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ArtifactInvalid(f"metrics.json cannot be read: {error}") from error


def _check_shapes(shapes: Mapping[str, tuple[int, ...]], limits: ArtifactLimits) -> int:
    """Return n_videos."""
    n_videos, n_factors = (*shapes.get("video_factors", ()), 0, 0)[:2]
    if shapes != {"video_factors": (n_videos, n_factors), "gram": (n_factors,) * 2, "popularity": (n_videos,)}:
        raise ArtifactInvalid(f"factors.safetensors: tensors {dict(shapes)} do not make a model")
    if n_videos > limits.max_videos or n_factors > limits.max_factors:
        raise ArtifactInvalid(
            f"factors.safetensors: {n_videos} videos of {n_factors} factors are more than the limits,"
            f" {limits.max_videos} and {limits.max_factors}"
        )
    return n_videos


def _decode_ids(content: bytes, n_videos: int) -> tuple[str, ...]:
    n_lines = content.count(b"\n")
    if n_lines != n_videos or not content.endswith(b"\n"):
        raise ArtifactInvalid(f"videos has {n_lines} complete lines, factors.safetensors {n_videos} rows")
    if len(content) > n_videos * _MAX_LINE_BYTES:
        raise ArtifactInvalid("videos has ids of more than 64 characters")
    try:
        video_ids = tuple(content.decode().split("\n")[:-1])
    except UnicodeDecodeError as error:
        raise ArtifactInvalid(f"videos is not UTF-8: {error}") from error
    for row, video_id in enumerate(video_ids):
        if not is_identifier(video_id):
            raise ArtifactInvalid(f"videos: {video_id!r} in row {row} is not a video id")
    return video_ids


def _check_gram(stored: NDArray[np.float32], gram: NDArray[np.float32]) -> None:
    # |g_ij| <= sqrt(g_ii g_jj): the scale of an entry's rounding.
    norms = np.sqrt(np.diagonal(gram).astype(np.float64))
    if not (np.abs(stored - gram) <= _GRAM_TOLERANCE * np.outer(norms, norms)).all():
        raise ArtifactInvalid("factors.safetensors: the gram is not that of the video factors")


def _try(model: FactorModel) -> None:
    """Solve users who like 1 to 100 videos, each length from several places of the catalogue."""
    lengths = np.repeat([min(videos, model.n_videos) for videos in _SOLVED_VIDEOS], _SOLVED_USERS)
    firsts = np.tile(np.arange(_SOLVED_USERS) * model.n_videos // _SOLVED_USERS, len(_SOLVED_VIDEOS))
    runs = [first + np.arange(length) for first, length in zip(firsts, lengths, strict=True)]
    rows = (np.concatenate(runs) % model.n_videos).astype(np.int32)
    solved = model.solver.solve(np.concatenate(([0], np.cumsum(lengths))), rows, np.ones(len(rows), np.float32))
    if not np.isfinite(solved).all():
        raise ArtifactInvalid(f"{model.region}/{model.version} solves a user to NaN or infinity")
