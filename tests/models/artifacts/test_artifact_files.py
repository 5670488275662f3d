import json
import struct
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from models.artifacts.artifact import (
    read_artifact,
)
from models.artifacts.artifact_files import ArtifactLimits
from models.errors import ArtifactInvalid
from models.factorization.model_description import ModelDescription
from models.factorization.user_solver import SolverParameters, UserSolver
from tests.models.artifacts.memory_files import MemoryFiles
from tests.models.artifacts.published import (
    COUNTS,
    FACTORS,
    GRAM,
    LIMITS,
    VERSION,
    Published,
    model,
    tensors,
    with_header,
    write,
)


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

    def solve(_: UserSolver, indptr: Any, rows: Any, confidences: Any) -> Any:
        tried.extend(tuple(rows[first:last]) for first, last in pairwise(indptr))
        assert (confidences == 1).all()
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
