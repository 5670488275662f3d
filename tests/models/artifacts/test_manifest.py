import json
from typing import Any

import pytest

from models.artifacts.artifact import (
    read_artifact,
)
from models.artifacts.artifact_files import FILES
from models.artifacts.manifest import FileEntry
from models.errors import ArtifactInvalid
from tests.models.artifacts.published import (
    LIMITS,
    VERSION,
    Published,
)


@pytest.mark.parametrize(
    ("region", "version"),
    [
        *[(bad, VERSION) for bad in ("..", "", "/etc", "us/..", "US", "s3://us", "http://evil")],
        *[("us", bad) for bad in ("..", ".", "", "/etc/passwd", f"../us/{VERSION}", "http://evil/x", "a\\b")],
    ],
)
def test_a_location_outside_the_store_is_refused(published: Published, region: str, version: str) -> None:
    with pytest.raises(ArtifactInvalid, match="do not name a region and a version"):
        read_artifact(published.store, region, version, digest=None, limits=LIMITS)


def test_a_manifest_of_another_version_is_refused(published: Published) -> None:
    published.replace_manifest(version="another")
    published.refuses("is of us/another")


@pytest.mark.parametrize("extra", ["model.pkl", "../videos", "/etc/passwd", "http://evil/videos", ""])
def test_a_manifest_with_another_file_is_refused(published: Published, extra: str) -> None:
    published.replace_manifest(files={**published.manifest().files, extra: FileEntry.of(b"")})
    published.refuses("lists the files")


@pytest.mark.parametrize("name", FILES)
def test_a_manifest_without_a_file_is_refused(published: Published, name: str) -> None:
    published.replace_manifest(files={key: value for key, value in published.manifest().files.items() if key != name})
    published.refuses("lists the files")


def test_a_manifest_of_another_format_is_refused(published: Published) -> None:
    published.replace_manifest(format=2)
    published.refuses("format 2")


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"null", b"[" * 100_000, b"\xff", b"{" * 9, b'{"format": 1}', b"9" * 5000, b" " * (1 << 20) + b"{}"],
)
def test_what_is_no_manifest_is_refused(published: Published, content: bytes) -> None:
    (published.folder / "manifest.json").write_bytes(content)
    published.refuses("manifest.json")


@pytest.mark.parametrize("values", [{"nested": {"x": 10**30}}, {"unknown": 1}, {"created": "2026-11-23T10:00:00"}])
def test_a_manifest_with_odd_values_is_refused(published: Published, values: dict[str, Any]) -> None:
    manifest = json.loads((published.folder / "manifest.json").read_bytes())
    manifest |= values if "nested" not in values else {"hyperparameters": values}
    (published.folder / "manifest.json").write_text(json.dumps(manifest, indent=2, sort_keys=True))
    published.refuses("manifest.json")


def test_a_manifest_that_says_the_same_in_other_bytes_is_refused(published: Published) -> None:
    path = published.folder / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 2, "format": 1'))
    published.refuses("canonical")
