import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import save

from app.publishing.model_store import ModelStore
from models.artifacts.artifact import (
    manifest_digest,
    read_artifact,
    read_manifest,
    read_metrics,
    version_name,
    write_artifact,
)
from models.artifacts.artifact_files import FILES, ArtifactLimits
from models.artifacts.files import ArtifactFiles
from models.artifacts.manifest import FileEntry, Manifest, decode_manifest, encode_manifest, sign
from models.errors import ArtifactInvalid, StoreUnavailable
from models.factorization.description import ModelDescription
from models.factorization.factor_model import FactorModel
from models.factorization.user_solver import SolverParameters, UserSolver
from tests.models.artifacts.memory_files import MemoryFiles

KEY = b"the key of the workers"
LIMITS = ArtifactLimits(max_videos=100, max_factors=8, max_bytes=100_000)
CREATED = datetime(2026, 11, 23, 10, tzinfo=UTC)
FACTORS = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
GRAM = np.array([[35, 44], [44, 56]], np.float32)
COUNTS = np.array([3, 2, 1], np.float32)
IDS = ("a", "ü", "c d")
VERSION = "20261123T100000Z-0a1b2c3d"
NAMES = [*FILES, "manifest.json"]


def model(**fields: Any) -> FactorModel:
    parts: dict[str, Any] = {
        "video_ids": IDS,
        "factors": FACTORS,
        "popularity": COUNTS,
        "description": ModelDescription(),
    }
    return FactorModel.build(region="us", version=VERSION, **parts | fields)


def write(store: ArtifactFiles, written: FactorModel, **fields: Any) -> Manifest:
    provenance: dict[str, Any] = {
        "metrics": {"ndcg@20": 0.25},
        "created": CREATED,
        "code_version": "1.2.3",
        "data_window": {"offsets": {"0": [0, 10]}},
        "previous_version": None,
        "hyperparameters": {"n_factors": 2, "regularization": 1e-05},
    }
    return write_artifact(store, written, **provenance | fields)


@dataclass(frozen=True)
class Published:
    """A version on disk, to be broken."""

    store: ModelStore
    folder: Path

    def read(self, **fields: Any) -> FactorModel:
        return read_artifact(self.store, "us", VERSION, **{"digest": None, "limits": LIMITS} | fields)

    def manifest(self) -> Manifest:
        return decode_manifest((self.folder / "manifest.json").read_bytes())

    def replace(self, name: str, content: bytes, key: bytes | None = None) -> None:
        """Replace a file and make the manifest agree, as an attacker or a broken publisher could."""
        (self.folder / name).write_bytes(content)
        files = {**self.manifest().files, name: FileEntry.of(content)}
        self.replace_manifest(key, files=files)

    def replace_manifest(self, key: bytes | None = None, **fields: Any) -> None:
        manifest = msgspec.structs.replace(self.manifest(), **fields)
        (self.folder / "manifest.json").write_bytes(encode_manifest(sign(manifest, key) if key else manifest))

    def refuses(self, words: str | None = None, **fields: Any) -> None:
        with pytest.raises(ArtifactInvalid, match=words):
            self.read(**fields)


@pytest.fixture
def published(tmp_path: Path) -> Published:
    store = ModelStore(str(tmp_path))
    write(store, model())
    return Published(store, tmp_path / "us" / VERSION)


def tensors(**arrays: NDArray[Any]) -> bytes:
    return save({"video_factors": FACTORS, "gram": GRAM, "popularity": COUNTS} | arrays)


def with_header(header: dict[str, Any], data: bytes = b"") -> bytes:
    encoded = json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + data


# ---- what is written is read


def test_what_is_written_is_read(published: Published) -> None:
    read, written = published.read(), model()
    assert (read.region, read.version, read.video_ids) == ("us", VERSION, IDS)
    assert read.description == written.description
    np.testing.assert_array_equal(read.factors, FACTORS)
    np.testing.assert_array_equal(read.gram, GRAM)
    np.testing.assert_array_equal(read.popularity, COUNTS)
    assert not read.factors.flags.writeable
    assert published.store.versions("us") == [VERSION]


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


# ---- digest and signature


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


# ---- damaged files


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


# ---- names and manifests


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


# ---- files that their manifest vouches for


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (tensors(video_factors=np.array([[1, 2], [np.nan, 4], [5, 6]], np.float32)), "NaN or infinity"),
        (tensors(video_factors=np.array([[1, 2], [np.inf, 4], [5, 6]], np.float32)), "NaN or infinity"),
        (tensors(popularity=np.array([1, np.nan, 0], np.float32)), "NaN or infinity"),
        (tensors(popularity=np.array([1, -1, 0], np.float32)), "below 0"),
        (tensors(gram=GRAM + 1), "gram"),
        (tensors(gram=np.full((2, 2), np.nan, np.float32)), "gram"),
        (tensors(video_factors=np.full((3, 2), 1e38, np.float32), gram=np.full((2, 2), np.inf, np.float32)), "gram"),
        (tensors(video_factors=FACTORS.T.copy()), "do not make a model"),
        (tensors(video_factors=FACTORS.ravel()), "do not make a model"),
        (tensors(video_factors=FACTORS[:2]), "do not make a model"),
        (tensors(video_factors=FACTORS[:0]), "shape and offsets"),
        (tensors(gram=GRAM[:1]), "do not make a model"),
        (tensors(popularity=COUNTS[:2]), "do not make a model"),
        (tensors(popularity=np.array(1, np.float32)), "shape and offsets"),
        (tensors(extra=COUNTS), "do not make a model"),
        (save({"video_factors": FACTORS, "popularity": COUNTS}), "do not make a model"),
        (tensors(video_factors=FACTORS.astype(np.float64)), "header cannot be read"),
        (tensors(video_factors=FACTORS.astype(np.float16)), "header cannot be read"),
        (tensors(gram=GRAM.astype(np.int32)), "header cannot be read"),
        (save({"video_factors": FACTORS}, metadata={"note": "x"}), "header cannot be read"),
        (tensors()[:-4], "describes"),
        (tensors() + b"1234", "describes"),
        (b"", "a header of 0 bytes|header cannot be read"),
        (b"\x00" * 8, "header cannot be read"),
        (b"\xff" * 64, "a header of"),
        (b"\x80\x04\x95pickle", "a header of"),
        (struct.pack("<Q", 2) + b"[]", "header cannot be read"),
        (struct.pack("<Q", 2) + b"{}", "do not make a model"),
    ],
)
def test_arrays_that_make_no_model_are_refused(published: Published, content: bytes, words: str) -> None:
    published.replace("factors.safetensors", content)
    published.refuses(words)


@pytest.mark.parametrize("rows", [10**12, 2**62, 2**64, -1, 0, 3.0, "3", True, None])
def test_a_header_that_claims_other_rows_is_refused_unread(published: Published, rows: Any) -> None:
    end = FACTORS.nbytes
    header = {"video_factors": {"dtype": "F32", "shape": [rows, 2], "data_offsets": [0, end]}}
    published.replace("factors.safetensors", with_header(header, FACTORS.tobytes()))
    published.refuses("shape and offsets|header cannot be read")
    if isinstance(rows, int) and rows > 3:
        header["video_factors"]["data_offsets"] = [0, rows * 8]
        published.replace("factors.safetensors", with_header(header, FACTORS.tobytes()))
        published.refuses("describes|header cannot be read")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a\nb\n", "2 complete lines"),
        (b"a\nb\nc\nd\n", "4 complete lines"),
        (b"a\nb\nc", "2 complete lines"),
        (b"a\nb\nc\nd", "3 complete lines"),
        (b"", "0 complete lines"),
        (b"a\nb\na\n", "more than once"),
        (b"a\n\nc\n", "not a video id"),
        (b"a\nb\r\nc\n", "not a video id"),
        (b"a\nb\x7f\nc\n", "not a video id"),
        (b"a\nb\n" + b"x" * 65 + b"\n", "not a video id"),
        (b"a\nb\n" + b"x" * 5000 + b"\n", "more than 64"),
        (b"a\n\xff\nc\n", "UTF-8"),
        (b"a\n\xed\xa0\x80\nc\n", "UTF-8"),
    ],
)
def test_ids_that_do_not_fit_are_refused(published: Published, content: bytes, words: str) -> None:
    published.replace("videos", content)
    published.refuses(words)


@pytest.mark.parametrize("content", [b"", b"null", b"\xff", b'{"unknown":1}', b'{"solver":{"regularization":-1}}'])
def test_a_description_that_cannot_be_read_is_refused(published: Published, content: bytes) -> None:
    published.replace("model.json", content)
    published.refuses("model.json")


@pytest.mark.parametrize("name", ["model.json", "metrics.json"])
def test_deep_nesting_is_refused(published: Published, name: str) -> None:
    published.replace(name, b'{"ranker":' + b'{"a":' * 10_000)
    published.refuses()


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"NaN", b"\xff", b'{"a":"\xff"}'])
def test_metrics_that_cannot_be_read_are_refused(published: Published, content: bytes) -> None:
    published.replace("metrics.json", content)
    published.refuses("metrics.json")


def test_a_model_that_cannot_solve_a_user_is_refused() -> None:
    singular = model(
        description=ModelDescription(solver=SolverParameters(regularization=0.0, unobserved_weight=0.0)),
        factors=np.ones((3, 2), np.float32),
    )
    store = MemoryFiles()
    write(store, singular)
    with pytest.raises(ArtifactInvalid, match="not positive definite"):
        read_artifact(store, "us", VERSION, digest=None, limits=LIMITS)


@pytest.mark.parametrize(("n_videos", "longest"), [(1, 1), (7, 7), (99, 99), (500, 100)])
def test_the_made_up_users_have_histories_of_many_lengths(
    monkeypatch: pytest.MonkeyPatch, n_videos: int, longest: int
) -> None:
    tried: list[tuple[int, ...]] = []

    def solve(_: UserSolver, indptr: Any, rows: Any, strengths: Any) -> Any:
        tried.extend(tuple(rows[first:last]) for first, last in pairwise(indptr))
        assert (strengths == 1).all()
        return np.full((len(indptr) - 1, 2), np.nan if len(tried[-1]) == longest else 0.0)

    parts = {"factors": np.ones((n_videos, 2), np.float32), "popularity": np.ones(n_videos, np.float32)}
    store = MemoryFiles()
    write(store, model(video_ids=tuple(f"v{number}" for number in range(n_videos)), **parts))
    monkeypatch.setattr(UserSolver, "solve", solve)
    with pytest.raises(ArtifactInvalid, match="NaN or infinity"):
        read_artifact(store, "us", VERSION, digest=None, limits=ArtifactLimits())
    assert {len(rows) for rows in tried} == {min(length, n_videos) for length in (1, 5, 20, 100)}
    assert all(len(set(rows)) == len(rows) and set(rows) <= set(range(n_videos)) for rows in tried)


@pytest.mark.parametrize("field", ["regularization", "unobserved_weight"])
@pytest.mark.parametrize("value", [1e308, 1e39, 1e-308, 0])
def test_extreme_constants_give_a_finite_solution_or_are_refused(
    published: Published, field: str, value: float
) -> None:
    published.replace("model.json", json.dumps({"solver": {field: value}}).encode())
    try:
        read = published.read()
    except ArtifactInvalid:
        return
    with np.errstate(all="ignore"):
        assert np.isfinite(read.solver.solve(np.array([0, 1]), np.zeros(1, np.int32), np.ones(1, np.float32))).all()


# ---- limits


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
