"""The contract of `ArtifactFiles`: whatever artifacts are read from and written to behaves like this."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from app.publishing.model_store import ModelStore
from models.artifacts.artifact import manifest_digest, read_artifact, read_manifest, read_metrics, write_artifact
from models.artifacts.artifact_files import FILES, ArtifactLimits
from models.artifacts.files import ArtifactFiles
from models.artifacts.manifest import MANIFEST
from models.errors import ArtifactInvalid, ArtifactMissing
from models.factorization.factor_model import FactorModel
from models.factorization.model_description import ModelDescription
from tests.models.artifacts.memory_files import MemoryFiles

PLACES: dict[str, Callable[[Path], ArtifactFiles]] = {
    "a dictionary": lambda _: MemoryFiles(),
    "a folder": lambda folder: ModelStore(str(folder)),
    "another fsspec store": lambda folder: ModelStore(f"memory:/{folder}"),
}
MODEL = FactorModel.build(
    region="us",
    version="v1",
    video_ids=("a", "b"),
    factors=np.array([[1, 2], [3, 4]], np.float32),
    popularity=np.array([2, 1], np.float32),
    description=ModelDescription(),
)


@pytest.fixture(params=PLACES)
def files(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactFiles:
    return PLACES[request.param](tmp_path)


def test_what_is_written_is_read_and_the_last_word_counts(files: ArtifactFiles) -> None:
    for content in (b"first", b"", b"\x00\xff" * 9):
        files.write("us/v1/videos", content)
        assert files.exists("us/v1/videos")
        assert files.read("us/v1/videos", len(content)) == content


def test_what_was_not_written_is_missing(files: ArtifactFiles) -> None:
    files.write("us/v1/videos", b"x")
    for path in ("us/v1/model.json", "us/v2/videos", "us/v1", "us"):
        assert not files.exists(path)
    with pytest.raises(ArtifactMissing, match=r"us/v1/model\.json is missing"):
        files.read("us/v1/model.json", 9)


def test_a_larger_file_is_not_read(files: ArtifactFiles) -> None:
    files.write("us/v1/videos", b"12345")
    with pytest.raises(ArtifactInvalid, match="us/v1/videos has 5 bytes, 4 are allowed") as refused:
        files.read("us/v1/videos", 4)
    assert not isinstance(refused.value, ArtifactMissing)


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../us/v1", "us/../v1", "us//v1", "us/.v1", "s3://us/v1", "us/v 1"]
)
def test_what_is_no_path_is_refused(files: ArtifactFiles, path: str) -> None:
    for access in (files.exists, lambda path: files.read(path, 9), lambda path: files.write(path, b"x")):
        with pytest.raises(ArtifactInvalid, match="is not a path"):
            access(path)


def test_the_name_is_fit_for_messages(files: ArtifactFiles) -> None:
    assert files.url
    assert files.url.isprintable()


def test_an_artifact_is_the_same_anywhere(files: ArtifactFiles) -> None:
    written = write_artifact(
        files,
        MODEL,
        metrics={"recall_at_20": 0.5},
        created=datetime(2026, 11, 23, 10, tzinfo=UTC),
        code_version="test",
        data_window={},
        previous_version=None,
        hyperparameters={},
    )
    for name in (*FILES, MANIFEST):
        assert files.exists(f"us/v1/{name}")
    found = read_manifest(files, "us", "v1", digest=manifest_digest(written))
    assert found == written
    assert read_metrics(files, found) == {"recall_at_20": 0.5}
    read = read_artifact(files, "us", "v1", digest=None, limits=ArtifactLimits())
    assert (read.video_ids, read.description) == (MODEL.video_ids, MODEL.description)
    np.testing.assert_array_equal(read.factors, MODEL.factors)


def test_a_damaged_file_is_refused_wherever_it_lies(files: ArtifactFiles) -> None:
    test_an_artifact_is_the_same_anywhere(files)
    files.write("us/v1/videos", b"a\nc\n")
    with pytest.raises(ArtifactInvalid, match="videos of us/v1 is not what its manifest lists"):
        read_artifact(files, "us", "v1", digest=None, limits=ArtifactLimits())
