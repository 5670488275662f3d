"""The manifest of a version: which files it has, where they came from, and who says so.

``manifest.json`` is written last, so a directory without a valid manifest does not exist. Its bytes are canonical:
decoding and encoding them again gives the same bytes, so a signature over the content covers each byte of the file.
"""

import hmac
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from models.errors import ArtifactInvalid
from models.json_nesting import shallow

MANIFEST = "manifest.json"
FORMAT = 1


class FileEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The digest (64 hexadecimal digits) and the size in bytes of one file."""

    sha256: str
    size: Annotated[int, Meta(ge=0)]

    @classmethod
    def of(cls, content: bytes) -> "FileEntry":
        """Describe a file's content."""
        return cls(sha256=sha256(content).hexdigest(), size=len(content))


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known about one version.

    Parameters
    ----------
    region, version
        Which model this is.
    created
        When, with an offset.
    code_version
        The code that made it.
    data_window
        The data that it was learned from: times and, by partition, Kafka offsets.
    previous_version
        The version that it replaces, if any; ``parent`` in the file, as the first manifests have it.
    hyperparameters
        Those of the learner.
    files
        By name.
    signature
        HMAC-SHA256 of the manifest without this field, 64 hexadecimal digits.
    """

    format: int = FORMAT
    region: str
    version: str
    created: Annotated[datetime, Meta(tz=True)]
    code_version: str
    data_window: dict[str, Any]
    previous_version: str | None = msgspec.field(name="parent")
    hyperparameters: dict[str, Any]
    files: dict[str, FileEntry]
    signature: str | None = None


_DECODER = msgspec.json.Decoder(Manifest)


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the canonical bytes of ``manifest.json``: sorted, indented JSON with a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=2) + b"\n"


def decode_manifest(content: bytes) -> Manifest:
    """Read what `encode_manifest` wrote.

    Raises
    ------
    ArtifactInvalid
        If the bytes are not a manifest in canonical form.
    """
    try:
        manifest = _DECODER.decode(shallow(content))
        canonical = encode_manifest(manifest)
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        raise ArtifactInvalid(f"manifest.json cannot be read: {error}") from error
    if manifest.format != FORMAT:
        raise ArtifactInvalid(f"manifest.json has format {manifest.format}, this code reads format {FORMAT}")
    if canonical != content:
        raise ArtifactInvalid("manifest.json is not in canonical form; publish the version again")
    return manifest


def sign(manifest: Manifest, key: bytes) -> Manifest:
    """Return the manifest with its signature by `key`."""
    return msgspec.structs.replace(manifest, signature=_signature(manifest, key))


def verify_signature(manifest: Manifest, key: bytes) -> None:
    """Check who signed.

    Raises
    ------
    ArtifactInvalid
        If the manifest has no signature, or one that `key` did not make.
    """
    if manifest.signature is None:
        raise ArtifactInvalid("manifest.json is not signed, and this worker accepts signed models only")
    if not hmac.compare_digest(manifest.signature.encode(), _signature(manifest, key).encode()):
        raise ArtifactInvalid("the signature in manifest.json was not made by this worker's key")


def _signature(manifest: Manifest, key: bytes) -> str:
    unsigned = encode_manifest(msgspec.structs.replace(manifest, signature=None))
    return hmac.new(key, unsigned, sha256).hexdigest()
