import errno
import os
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.publishing.model_store import ModelStore
from models.errors import ArtifactInvalid, StoreUnavailable


@pytest.fixture(params=["plain path", "file URL", "memory URL", "S3 bucket", "S3 prefix"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ModelStore:
    if request.param.startswith("S3"):
        bucket = request.getfixturevalue("s3").make_bucket()
        return ModelStore(bucket if request.param == "S3 bucket" else f"{bucket}/models/v1/")
    urls = {"plain path": str(tmp_path), "file URL": tmp_path.as_uri() + "/", "memory URL": f"memory:/{tmp_path}"}
    return ModelStore(urls[request.param])


def test_what_is_written_is_read(store: ModelStore) -> None:
    store.write("us/v1/videos", b"first")
    store.write("us/v1/videos", b"second")
    assert store.exists("us/v1/videos")
    assert store.read("us/v1/videos", max_bytes=6) == b"second"
    assert not store.exists("us/v1")


def test_an_empty_store_lists_nothing(store: ModelStore) -> None:
    assert store.regions() == []
    assert store.versions("us") == []


def test_versions_without_manifest_do_not_exist(store: ModelStore) -> None:
    for path in ("us/v2/manifest.json", "us/v1/manifest.json", "us/v3/videos", "fr/v1/videos", "README"):
        store.write(path, b"x")
    assert store.regions() == ["fr", "us"]
    assert store.versions("us") == ["v1", "v2"]
    assert store.versions("fr") == []


def test_a_new_version_is_seen_at_once(store: ModelStore) -> None:
    assert store.versions("us") == []
    store.write("us/v1/manifest.json", b"x")
    assert store.versions("us") == ["v1"]


def test_what_another_writer_writes_is_seen_at_once(store: ModelStore) -> None:
    other = ModelStore(store.url)
    for number in (1, 2):
        assert not store.exists(f"us/v{number}/manifest.json")
        other.write(f"us/v{number}/manifest.json", b"%d" % number)
        assert store.read(f"us/v{number}/manifest.json", 1) == b"%d" % number
        assert store.versions("us") == [f"v{one}" for one in range(1, number + 1)]
        assert store.regions() == ["us"]
    other.write("us/v1/manifest.json", b"new")
    assert store.read("us/v1/manifest.json", 3) == b"new"


def test_large_and_empty_files(store: ModelStore) -> None:
    for name, content in (("empty", b""), ("large", bytes(range(256)) * (1 << 15))):
        store.write(f"us/{name}", content)
        assert store.read(f"us/{name}", len(content)) == content
    with pytest.raises(ArtifactInvalid, match="8388608 bytes, 8388607 are allowed"):
        store.read("us/large", (8 << 20) - 1)


def test_reading_is_limited(store: ModelStore) -> None:
    store.write("us/v1/videos", b"12345")
    with pytest.raises(ArtifactInvalid, match="5 bytes, 4 are allowed"):
        store.read("us/v1/videos", max_bytes=4)


@pytest.mark.parametrize("path", ["us/v1/videos", "README/v1/videos"])
def test_a_missing_file_is_an_invalid_artifact(store: ModelStore, path: str) -> None:
    store.write("README", b"x")
    with pytest.raises(ArtifactInvalid, match=f"^{path} is missing from the model store$"):
        store.read(path, max_bytes=4)
    assert not store.exists(path)


ACCESSES: list[Callable[[ModelStore], object]] = [
    lambda store: store.read("us/v1/manifest.json", 9),
    lambda store: store.exists("us/v1/manifest.json"),
    lambda store: store.versions("us"),
    lambda store: store.regions(),
]


@pytest.mark.parametrize("access", ACCESSES)
@pytest.mark.parametrize(
    "failure",
    [PermissionError(errno.EACCES, "denied"), OSError(errno.ESTALE, "stale"), TimeoutError(), RuntimeError("503")],
)
def test_a_store_that_does_not_answer_refuses_nothing(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch, access: Callable[[ModelStore], object], failure: Exception
) -> None:
    store.write("us/v1/manifest.json", b"x")

    def fail(*_: Any, **__: Any) -> None:
        raise failure

    with monkeypatch.context() as outage:
        for name in ("info", "ls", "open"):
            outage.setattr(store._files, name, fail)
        with pytest.raises(StoreUnavailable, match=type(failure).__name__):
            access(store)
    access(store)


def test_an_outage_between_finding_and_reading_refuses_nothing(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write("us/v1/manifest.json", b"x")

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.EIO, "torn")

    monkeypatch.setattr(store._files, "open", fail)
    with pytest.raises(StoreUnavailable, match=r"us/v1/manifest.json: OSError: \[Errno 5\] torn"):
        store.read("us/v1/manifest.json", 9)


def test_a_local_store_without_its_folder_is_unavailable(tmp_path: Path) -> None:
    store = ModelStore(str(tmp_path / "mount"))
    with pytest.raises(StoreUnavailable, match="mount it"):
        store.read("us/v1/manifest.json", 9)
    assert (store.regions(), store.versions("us"), store.exists("us/v1/manifest.json")) == ([], [], False)
    (tmp_path / "mount").mkdir()
    with pytest.raises(ArtifactInvalid, match="missing"):
        store.read("us/v1/manifest.json", 9)


def test_a_link_that_cannot_be_followed_now_is_no_link_out_of_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.EIO, "torn")

    monkeypatch.setattr(Path, "resolve", fail)
    with pytest.raises(StoreUnavailable, match="torn"):
        ModelStore(str(tmp_path)).read("us/v1/manifest.json", 9)


def test_what_is_said_of_a_version_names_no_path_of_the_machine(tmp_path: Path) -> None:
    store = ModelStore(str(tmp_path))
    store.write("us/v1/videos", b"12345")
    (tmp_path / "us" / "out").symlink_to("/")
    for path in ("us/v1/videos", "us/v1/none", "us/v1", "us/out/videos"):
        with pytest.raises(ArtifactInvalid, match=path) as refused:
            store.read(path, 4)
        assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "",
            "/etc/passwd",
            "../x",
            "us/../../x",
            "us/./x",
            "us//x",
            "us/",
            "us\\x",
            "http://evil/x",
            "us/a b",
            "us/ü",
        ),
        *("us/x\n", "~/x", "us/.hidden", "us/\0", "us/" + "x" * 65, "us/*", "file:x"),
    ],
)
def test_paths_stay_in_the_store(store: ModelStore, path: str) -> None:
    for access in (lambda: store.read(path, 9), lambda: store.write(path, b""), lambda: store.exists(path)):
        with pytest.raises(ArtifactInvalid, match="not a path in the model store"):
            access()


@pytest.mark.parametrize("region", ["..", "", "US", "us/x", "/"])
def test_regions_stay_in_the_store(store: ModelStore, region: str) -> None:
    with pytest.raises(ArtifactInvalid, match="not a region"):
        store.versions(region)


def test_a_link_out_of_the_store_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "v1").mkdir(parents=True)
    (outside / "v1" / "manifest.json").write_bytes(b"x")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "us").symlink_to(outside)
    store = ModelStore(str(tmp_path / "store"))
    for access in (lambda: store.read("us/v1/manifest.json", 9), lambda: store.write("us/v1/x", b"")):
        with pytest.raises(ArtifactInvalid, match="symbolic link"):
            access()
    with pytest.raises(ArtifactInvalid, match="symbolic link"):
        store.versions("us")
    assert [path.name for path in (outside / "v1").iterdir()] == ["manifest.json"]


def test_a_loop_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "us").symlink_to(tmp_path / "us")
    (tmp_path / "fr").mkdir()
    (tmp_path / "fr" / "v1").symlink_to(tmp_path / "fr" / "v2")
    (tmp_path / "fr" / "v2").symlink_to(tmp_path / "fr" / "v1")
    with pytest.raises(ArtifactInvalid, match="symbolic link"):
        ModelStore(str(tmp_path)).read("us/v1/videos", 9)
    store = ModelStore(str(tmp_path))
    for path in ("us", "us/v1/videos", "fr/v1", "fr/v2/videos"):
        for access in (partial(store.read, path, 9), partial(store.exists, path), partial(store.write, path, b"")):
            with pytest.raises(ArtifactInvalid, match=f"^{path} leads nowhere: a symbolic link leads to itself"):
                access()
    with pytest.raises(ArtifactInvalid, match=r"^us leads nowhere"):
        store.versions("us")


def test_a_store_may_itself_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "store").symlink_to(tmp_path / "disk")
    store = ModelStore(str(tmp_path / "store"))
    store.write("us/v1/manifest.json", b"x")
    assert store.versions("us") == ["v1"]


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for ever
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(ArtifactInvalid, match="not a file"):
            ModelStore(str(tmp_path)).read(name, 9)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ModelStore(str(tmp_path))
    store.write("us/videos", b"old")

    def fail(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        store.write("us/videos", b"new")
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "us").iterdir()] == [("videos", b"old")]


def test_files_can_be_read_by_those_whom_the_umask_lets(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        ModelStore(str(tmp_path)).write("us/videos", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "us" / "videos").stat().st_mode) == 0o644
