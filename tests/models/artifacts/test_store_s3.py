"""What is different on S3: buckets, keys and outages, against a real server of its protocol."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from models.artifacts.artifact import read_artifact, write_artifact
from models.artifacts.artifact_files import ArtifactLimits
from models.artifacts.manifest import Manifest
from models.artifacts.store import ModelStore
from models.errors import ArtifactInvalid, StoreUnavailable
from tests.support.cluster.published_models import random_model
from tests.support.s3 import KEY, SECRET, S3Server

LIMITS = ArtifactLimits(max_videos=1000, max_factors=64, max_bytes=1 << 20)
ACCESSES: dict[str, Callable[[ModelStore], object]] = {
    "read": lambda store: store.read("us/v1/manifest.json", 9),
    "exists": lambda store: store.exists("us/v1/manifest.json"),
    "versions": lambda store: store.versions("us"),
    "regions": lambda store: store.regions(),
    "write": lambda store: store.write("us/v1/videos", b"x"),
}
every_access = pytest.mark.parametrize("access", ACCESSES.values(), ids=ACCESSES.keys())


def write(store: ModelStore, code_version: str = "test") -> Manifest:
    return write_artifact(
        store,
        random_model(1),
        metrics={},
        created=datetime(2026, 1, 1, tzinfo=UTC),
        code_version=code_version,
        data_window={},
        previous_version=None,
        hyperparameters={},
    )


def test_a_version_is_written_once_and_read_whole(s3: S3Server) -> None:
    store = ModelStore(s3.make_bucket())
    manifest = write(store)
    assert write(store) == manifest
    with pytest.raises(ArtifactInvalid, match="is another model; a version never changes"):
        write(store, code_version="other")
    assert store.versions("global") == [manifest.version]
    model = read_artifact(ModelStore(store.url), "global", manifest.version, digest=None, limits=LIMITS)
    assert model.video_ids == random_model(1).video_ids
    assert (model.factors == random_model(1).factors).all()


def test_the_manifest_comes_last(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    store, written = ModelStore(s3.make_bucket()), []
    monkeypatch.setattr(store, "write", lambda path, _: written.append(path.rpartition("/")[2]))
    write(store)
    assert written[-1] == "manifest.json"
    assert sorted(written[:-1]) == ["factors.safetensors", "metrics.json", "model.json", "videos"]


@every_access
def test_a_bucket_that_is_missing_is_not_made(s3: S3Server, access: Callable[[ModelStore], object]) -> None:
    store = ModelStore("s3://bucket-of-nobody/prefix")
    if access is ACCESSES["exists"]:
        assert access(store) is False
        return
    with pytest.raises(StoreUnavailable, match="there is no bucket bucket-of-nobody: make it"):
        access(store)


def test_the_mark_of_a_folder_is_no_region(s3: S3Server) -> None:
    store = ModelStore(f"{s3.make_bucket()}/models")
    store._files.pipe_file(f"{store._root}/", b"")  # as a browser's "create folder" leaves it
    assert store.regions() == []
    store.write("us/v1/manifest.json", b"x")
    assert store.regions() == ["us"]


@every_access
def test_a_server_that_is_gone_is_an_outage_within_seconds(
    own_s3: S3Server, access: Callable[[ModelStore], object]
) -> None:
    store = ModelStore(own_s3.make_bucket())
    own_s3.stop()
    told(store, access, seconds=8)


def test_a_server_that_hangs_is_an_outage_within_seconds(own_s3: S3Server) -> None:
    store = ModelStore(own_s3.make_bucket())
    store.write("us/v1/manifest.json", b"x")
    own_s3.freeze()
    told(store, ACCESSES["read"], seconds=15)
    own_s3.thaw()
    assert store.read("us/v1/manifest.json", 1) == b"x"


def test_wrong_keys_are_an_outage_and_show_nowhere(own_s3: S3Server) -> None:
    store = ModelStore(own_s3.make_bucket())
    store.write("us/v1/manifest.json", b"x")
    own_s3.lock()
    for access in ACCESSES.values():
        told(store, access, seconds=8)


def test_without_any_keys_it_is_an_outage(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    told(ModelStore(s3.make_bucket()), ACCESSES["read"], seconds=8)


def told(store: ModelStore, access: Callable[[ModelStore], object], seconds: float) -> None:
    """Check that an access says in time that the store does not answer, and says no secret."""
    started = time.monotonic()
    with pytest.raises(StoreUnavailable) as unavailable:
        access(store)
    assert time.monotonic() - started < seconds
    assert "the model store does not answer for" in str(unavailable.value)
    assert KEY not in repr(unavailable.value)
    assert SECRET not in repr(unavailable.value)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("s3://", "names no bucket: use s3://BUCKET or a prefix in one"),
        ("s3:///", "names no bucket"),
        ("nothing://x", "cannot be opened here: Protocol not known: nothing"),
    ],
)
def test_what_cannot_be_opened_says_why(s3: S3Server, url: str, sentence: str) -> None:
    with pytest.raises(StoreUnavailable, match=sentence):
        ModelStore(url)
