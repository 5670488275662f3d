"""Artifacts: one version of one region's model as files.

::

    <region>/<version>/
        model.json             input transformation, solver, ranker (`models.factorization.model_description`)
        factors.safetensors    video_factors (n_videos, k), gram (k, k), popularity (n_videos,), all float32
        videos                 the video ids in row order, one per line, UTF-8
        metrics.json           ranking metrics of the offline evaluation
        manifest.json          digest and size of each file, provenance, signature; written last

A version never changes. Whoever reads one trusts nothing: names, sizes, digests, the signature, the header and the
limits are checked before arrays are made of the bytes, and the model must solve users before it is handed out.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.artifacts.artifact_files import FILES, ArtifactLimits, decode_metrics, decode_model, encode_files
from models.artifacts.files import ArtifactFiles
from models.artifacts.manifest import (
    MANIFEST,
    FileEntry,
    Manifest,
    decode_manifest,
    encode_manifest,
    sign,
    verify_signature,
)
from models.errors import ArtifactInvalid, ModelError
from models.factorization.factor_model import FactorModel
from models.factorization.model_id import DIGEST_BYTES, ModelId
from models.names import is_region, is_version

_MAX_MANIFEST_BYTES = 1024 * 1024


def version_name(created: datetime, factors: NDArray[np.float32]) -> str:
    """Return the name of a new version: the time (UTC) and 8 digits of the SHA-256 of the video factors.

    Examples
    --------
    >>> version_name(datetime(2026, 11, 23, 10, tzinfo=UTC), np.zeros((2, 2), np.float32))
    '20261123T100000Z-374708ff'
    """
    digest = sha256(np.ascontiguousarray(factors, np.float32).tobytes()).hexdigest()
    return f"{created.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest[:8]}"


def manifest_digest(manifest: Manifest) -> str:
    """Return the SHA-256 of the version's ``manifest.json``, as its announcement carries it."""
    return sha256(encode_manifest(manifest)).hexdigest()


def model_id(manifest: Manifest) -> ModelId:
    """Return the identity of the version that a manifest describes."""
    return ModelId(manifest.region, manifest.version, bytes.fromhex(manifest_digest(manifest))[:DIGEST_BYTES])


def write_artifact(
    store: ArtifactFiles,
    model: FactorModel,
    *,
    metrics: Mapping[str, Any],
    created: datetime,
    code_version: str,
    data_window: Mapping[str, Any],
    previous_version: str | None,
    hyperparameters: Mapping[str, Any],
    signing_key: bytes | None = None,
) -> Manifest:
    """Write the version `model.version` of the region `model.region`, the manifest last.

    Writing the same again changes nothing.

    Raises
    ------
    ArtifactInvalid
        If the names or ids cannot be stored, or the store has another model of that name.
    StoreUnavailable
        If the store does not say what it has.
    OSError
        If the store cannot be written.
    """
    files = encode_files(model, metrics)
    manifest = Manifest(
        region=model.region,
        version=model.version,
        created=created,
        code_version=code_version,
        data_window=dict(data_window),
        previous_version=previous_version,
        hyperparameters=dict(hyperparameters),
        files={name: FileEntry.of(content) for name, content in files.items()},
    )
    content = encode_manifest(manifest if signing_key is None else sign(manifest, signing_key))
    written = decode_manifest(content)
    path = _location(model.region, model.version)
    if store.exists(f"{path}/{MANIFEST}"):
        if store.read(f"{path}/{MANIFEST}", _MAX_MANIFEST_BYTES) != content:
            raise ArtifactInvalid(f"{path} in {store.url} is another model; a version never changes")
        return written
    for name in FILES:
        store.write(f"{path}/{name}", files[name])
    store.write(f"{path}/{MANIFEST}", content)
    return written


def read_manifest(
    store: ArtifactFiles, region: str, version: str, *, digest: str | None = None, verify_key: bytes | None = None
) -> Manifest:
    """Read and check the manifest of a version: its digest, signature and names, and that it lists `FILES`.

    Raises
    ------
    ArtifactInvalid
        If anything is wrong with it.
    StoreUnavailable
        If the store does not answer.
    """
    content = store.read(f"{_location(region, version)}/{MANIFEST}", _MAX_MANIFEST_BYTES)
    if digest is not None and sha256(content).hexdigest() != digest:
        raise ArtifactInvalid(f"manifest.json of {region}/{version} does not have the announced digest {digest}")
    manifest = decode_manifest(content)
    if verify_key is not None:
        verify_signature(manifest, verify_key)
    if (manifest.region, manifest.version) != (region, version):
        raise ArtifactInvalid(f"manifest.json of {region}/{version} is of {manifest.region}/{manifest.version}")
    if manifest.files.keys() != set(FILES):
        raise ArtifactInvalid(f"manifest.json lists the files {sorted(manifest.files)}, not {sorted(FILES)}")
    return manifest


def read_metrics(store: ArtifactFiles, manifest: Manifest) -> dict[str, Any]:
    """Return the ranking metrics that a version was published with.

    Raises
    ------
    ArtifactInvalid
        If the file is missing, or is not what the manifest says.
    StoreUnavailable
        If the store does not answer.
    """
    return decode_metrics(_read(store, manifest, "metrics.json"))


def read_artifact(
    store: ArtifactFiles,
    region: str,
    version: str,
    *,
    digest: str | None,
    limits: ArtifactLimits,
    verify_key: bytes | None = None,
) -> FactorModel:
    """Read a version, check everything about it and try it.

    Parameters
    ----------
    digest
        SHA-256 of ``manifest.json`` as announced; None to take the manifest as it is.
    verify_key
        The key that must have signed; None to accept unsigned models, too.

    Raises
    ------
    ArtifactInvalid
        And nothing else, whatever the files are.
    StoreUnavailable
        If the store does not answer, which says nothing about the version.
    """
    manifest = read_manifest(store, region, version, digest=digest, verify_key=verify_key)
    size = sum(entry.size for entry in manifest.files.values())
    if size > limits.max_bytes:
        raise ArtifactInvalid(f"{region}/{version} has {size} bytes, the limit is {limits.max_bytes}")
    files = {name: _read(store, manifest, name) for name in FILES}
    decode_metrics(files["metrics.json"])
    try:
        return decode_model(model_id(manifest), files, limits)
    except (ModelError, np.linalg.LinAlgError) as error:
        raise ArtifactInvalid(f"{region}/{version}: {error}") from error


def _location(region: str, version: str) -> str:
    if not is_region(region) or not is_version(version):
        raise ArtifactInvalid(f"{region!r} and {version!r} do not name a region and a version of the model store")
    return f"{region}/{version}"


def _read(store: ArtifactFiles, manifest: Manifest, name: str) -> bytes:
    expected = manifest.files[name]
    content = store.read(f"{_location(manifest.region, manifest.version)}/{name}", expected.size)
    if FileEntry.of(content) != expected:
        raise ArtifactInvalid(f"{name} of {manifest.region}/{manifest.version} is not what its manifest lists")
    return content
