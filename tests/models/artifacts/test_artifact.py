from collections.abc import Callable
from datetime import timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.publishing.model_store import ModelStore
from models.artifacts.artifact import (
    manifest_digest,
    read_artifact,
    read_manifest,
    read_metrics,
    version_name,
)
from models.artifacts.artifact_files import ArtifactLimits
from models.artifacts.files import ArtifactFiles
from models.artifacts.manifest import FileEntry
from models.errors import ArtifactInvalid, StoreUnavailable
from models.factorization.model_id import ModelId
from tests.models.artifacts.memory_files import MemoryFiles
from tests.models.artifacts.published import (
    COUNTS,
    CREATED,
    FACTORS,
    GRAM,
    IDS,
    KEY,
    LIMITS,
    NAMES,
    VERSION,
    Published,
    model,
    write,
)


def test_what_is_written_is_read(published: Published) -> None:
    read, written = published.read(), model()
    assert (read.region, read.version, read.video_ids) == ("us", VERSION, IDS)
    assert read.description == written.description
    np.testing.assert_array_equal(read.factors, FACTORS)
    np.testing.assert_array_equal(read.gram, GRAM)
    np.testing.assert_array_equal(read.popularity, COUNTS)
    assert not read.factors.flags.writeable
    assert published.store.versions("us") == [VERSION]


def test_a_model_that_is_read_is_known_by_its_manifest_as_well_as_by_its_name(published: Published) -> None:
    digest = sha256((published.folder / "manifest.json").read_bytes()).digest()
    assert published.read().id == ModelId("us", VERSION, digest[:8])
    assert published.read().id != model().id, "what was not read is not known to be the same"


def test_the_manifest_says_what_is_there(published: Published) -> None:
    manifest = read_manifest(published.store, "us", VERSION)
    for name, entry in manifest.files.items():
        content = (published.folder / name).read_bytes()
        assert (entry.sha256, entry.size) == (sha256(content).hexdigest(), len(content))
    assert sorted(path.name for path in published.folder.iterdir()) == sorted(NAMES)
    assert manifest_digest(manifest) == sha256((published.folder / "manifest.json").read_bytes()).hexdigest()
    assert manifest.hyperparameters == {"n_factors": 2, "regularization": 1e-05}
    assert (manifest.created, manifest.previous_version, manifest.signature) == (CREATED, None, None)
    assert read_metrics(published.store, manifest) == {"ndcg@20": 0.25}


def test_writing_twice_changes_nothing(published: Published) -> None:
    before = {name: (published.folder / name).stat() for name in NAMES}
    assert write(published.store, model()) == published.manifest()
    assert {name: (published.folder / name).stat() for name in NAMES} == before


def test_a_version_never_changes(published: Published) -> None:
    with pytest.raises(ArtifactInvalid, match="never changes"):
        write(published.store, model(factors=FACTORS + 1))
    np.testing.assert_array_equal(published.read().factors, FACTORS)


def test_an_interrupted_write_is_finished_by_the_next(published: Published) -> None:
    (published.folder / "manifest.json").unlink()
    (published.folder / "videos").write_bytes(b"half")
    assert published.store.versions("us") == []
    published.refuses(f"us/{VERSION}/manifest.json is missing")
    write(published.store, model())
    assert published.read().video_ids == IDS


def test_the_manifest_is_written_last() -> None:
    files = MemoryFiles()
    write(files, model())
    assert files.written == [f"us/{VERSION}/{name}" for name in NAMES]


@pytest.mark.parametrize("place", [lambda folder: ModelStore(f"memory:/{folder}"), lambda _: MemoryFiles()])
def test_an_artifact_lives_in_any_store(tmp_path: Path, place: Callable[[Path], ArtifactFiles]) -> None:
    store = place(tmp_path)
    digest = manifest_digest(write(store, model()))
    assert read_artifact(store, "us", VERSION, digest=digest, limits=LIMITS).video_ids == IDS


@pytest.mark.parametrize("video_id", ["a\nb", "x" * 65, "\x7f", "\r"])
def test_ids_that_no_event_can_name_are_not_written(video_id: str) -> None:
    files = MemoryFiles()
    with pytest.raises(ArtifactInvalid, match="not a video id"):
        write(files, model(video_ids=("a", "b", video_id)))
    assert files.contents == {}


def test_the_version_name_has_the_time_and_the_factors() -> None:
    digest = sha256(FACTORS.tobytes()).hexdigest()
    assert version_name(CREATED.astimezone(timezone(timedelta(hours=2))), FACTORS) == f"20261123T100000Z-{digest[:8]}"
    assert version_name(CREATED, np.asfortranarray(FACTORS)) == version_name(CREATED, FACTORS)


def test_the_announced_digest_must_be_that_of_the_manifest(published: Published) -> None:
    published.read(digest=manifest_digest(published.manifest()))
    published.refuses("announced digest", digest="0" * 64)
    published.refuses("announced digest", digest="")


def test_a_signed_model_is_accepted(tmp_path: Path) -> None:
    store = ModelStore(str(tmp_path))
    write(store, model(), signing_key=KEY)
    signed = Published(store, tmp_path / "us" / VERSION)
    assert signed.read(verify_key=KEY).video_ids == IDS
    assert signed.read(verify_key=None).video_ids == IDS
    signed.refuses("not made by", verify_key=b"another key")
    signed.replace_manifest(code_version="9.9.9")
    signed.refuses("not made by", verify_key=KEY)
    signed.replace_manifest(signature="é")
    signed.refuses("not made by", verify_key=KEY)


def test_an_unsigned_model_is_refused_where_signatures_are_asked_for(published: Published) -> None:
    published.refuses("not signed", verify_key=KEY)


def test_the_signature_covers_the_files(published: Published) -> None:
    published.replace("videos", b"x\ny\nz\n", key=b"the attacker's")
    published.refuses("not made by", verify_key=KEY)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "damage",
    [lambda content: content[:-1], lambda content: content[: len(content) // 2], lambda _: b"", lambda c: c + b" "],
)
def test_a_file_of_another_length_is_refused(published: Published, name: str, damage: Callable[[bytes], bytes]) -> None:
    path = published.folder / name
    path.write_bytes(damage(path.read_bytes()))
    published.refuses()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(name=st.sampled_from(NAMES), data=st.data())
def test_a_flipped_bit_is_refused(published: Published, name: str, data: st.DataObject) -> None:
    path = published.folder / name
    digest = manifest_digest(published.manifest())
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(flipped)
    try:
        published.refuses(digest=digest)
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_refused(published: Published, name: str) -> None:
    (published.folder / name).unlink()
    published.refuses(f"^us/{VERSION}/{name} is missing from the model store$")


@pytest.mark.parametrize("name", NAMES)
def test_a_link_out_of_the_store_is_refused(published: Published, name: str, tmp_path_factory: Any) -> None:
    outside = tmp_path_factory.mktemp("outside") / name
    path = published.folder / name
    path.rename(outside)
    path.symlink_to(outside)
    published.refuses("symbolic link")


def test_an_outage_of_the_store_is_no_fault_of_the_version(published: Published) -> None:
    away = published.folder.parent.parent.rename(published.folder.parent.parent.with_name("away"))
    with pytest.raises(StoreUnavailable):
        published.read()
    away.rename(published.folder.parent.parent)
    assert published.read().video_ids == IDS


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (ArtifactLimits(max_videos=2), "3 videos"),
        (ArtifactLimits(max_factors=1), "of 2 factors"),
        (ArtifactLimits(max_bytes=50), "the limit is 50"),
    ],
)
def test_a_model_beyond_the_limits_is_refused(published: Published, limits: ArtifactLimits, words: str) -> None:
    published.refuses(words, limits=limits)


def test_a_size_beyond_the_limits_is_refused_unread(published: Published, monkeypatch: pytest.MonkeyPatch) -> None:
    huge = {**published.manifest().files, "videos": FileEntry(sha256="0" * 64, size=10**15)}
    published.replace_manifest(files=huge)
    content = (published.folder / "manifest.json").read_bytes()
    monkeypatch.setattr(ModelStore, "read", lambda _, path, __: {f"us/{VERSION}/manifest.json": content}[path])
    published.refuses("the limit is")
