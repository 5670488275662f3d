from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.errors import ModelError, SolveFailed
from models.factorization.user_solver import MAX_CONDITION, SolverParameters, UserSolver

N_VIDEOS = 3000
Batch = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]


def normal_equations(factors: NDArray[Any], batch: Batch, parameters: SolverParameters) -> NDArray[np.float64]:
    """The module's second formula, one user at a time, with numpy in float64."""
    v = factors.astype(np.float64)
    indptr, rows, confidences = batch
    answers = np.zeros((len(indptr) - 1, v.shape[1]))
    for user, (first, last) in enumerate(pairwise(indptr.tolist())):
        own, s = v[rows[first:last]], confidences[first:last].astype(np.float64)
        size = len(own) + parameters.unobserved_weight * len(v)
        ridge = parameters.regularization * size**parameters.frequency_exponent
        matrix = own.T @ np.diag(s) @ own + parameters.unobserved_weight * v.T @ v + ridge * np.eye(v.shape[1])
        answers[user] = np.linalg.solve(matrix, own.T @ s)
    return answers


def batch_of(lengths: Sequence[int], n_videos: int, rng: np.random.Generator) -> Batch:
    rows = [np.sort(rng.choice(n_videos, length, replace=False)) for length in lengths]
    indptr = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    confidences = rng.uniform(0.1, 2.0, int(indptr[-1])).astype(np.float32)
    return indptr, np.concatenate([*rows, []]).astype(np.int32), confidences


def solver_of(factors: NDArray[Any], parameters: SolverParameters) -> UserSolver:
    exact = factors.astype(np.float64)
    return UserSolver(factors, exact.T @ exact, parameters)


def relative_errors(found: NDArray[Any], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    norms = np.linalg.norm(expected, axis=1)
    errors = np.linalg.norm(found - expected, axis=1)
    return np.asarray(errors / np.where(norms > 0, norms, 1.0))


@pytest.mark.parametrize("k", [8, 64, 128])
@pytest.mark.parametrize("mean", [0.0, 0.3], ids=["centred", "one direction dominates"])
@pytest.mark.parametrize("exponent", [0.0, 1.0])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-4), (np.float64, 1e-9)])
def test_solution_is_that_of_the_normal_equations(
    k: int, mean: float, exponent: float, dtype: type, tolerance: float
) -> None:
    rng = np.random.default_rng(k)
    factors: NDArray[Any] = rng.normal(mean, 0.1, (N_VIDEOS, k)).astype(dtype)
    parameters = SolverParameters(regularization=0.003, unobserved_weight=0.1, frequency_exponent=exponent)
    batch = batch_of([0, 1, 10, 1000, 0, 10, 1, 1000], N_VIDEOS, rng)
    found = solver_of(factors, parameters).solve(*batch)
    assert found.dtype == dtype
    assert relative_errors(found, normal_equations(factors, batch, parameters)).max() < tolerance


@pytest.mark.parametrize("regularization", [1e-9, 1e-6, 1e-3, 1.0])
def test_float32_holds_its_tolerance_for_ill_conditioned_users(regularization: float) -> None:
    rng = np.random.default_rng(1)
    factors = rng.normal(0.5, 0.05, (500, 64)).astype(np.float32)
    parameters = SolverParameters(regularization=regularization, unobserved_weight=0.01)
    batch = batch_of([1, 5, 50, 400], 500, rng)
    found = solver_of(factors, parameters).solve(*batch)
    assert relative_errors(found, normal_equations(factors, batch, parameters)).max() < 1e-4


def test_one_video_one_factor_by_hand() -> None:
    # (s v^2 + w0 gram + reg (1 + w0 n)^e) u = s v; v = 2, s = 3, gram = 4 + 1 = 5, w0 = 0.5, n = 2
    factors = np.array([[2.0], [1.0]])
    for exponent, ridge in [(0.0, 0.25), (1.0, 0.25 * 2), (0.5, 0.25 * 2**0.5)]:
        parameters = SolverParameters(regularization=0.25, unobserved_weight=0.5, frequency_exponent=exponent)
        solver = solver_of(factors, parameters)
        found = solver.solve(np.array([0, 1]), np.array([0], np.int32), np.array([3.0], np.float32))
        assert found == pytest.approx(np.array([[6.0 / (12.0 + 2.5 + ridge)]]), rel=1e-12)


@given(
    lengths=st.lists(st.integers(0, 90), min_size=1, max_size=12),
    cut=st.integers(0, 12),
    seed=st.integers(0, 2**16),
    regularization=st.sampled_from([1e-7, 3e-4, 3e-3]),
)
def test_a_user_gets_the_same_bits_in_any_batch(lengths: list[int], cut: int, seed: int, regularization: float) -> None:
    rng = np.random.default_rng(seed)
    factors = rng.normal(0.1, 0.3, (100, 16)).astype(np.float32)
    solver = solver_of(factors, SolverParameters(regularization=regularization))
    indptr, rows, confidences = batch_of(lengths, 100, rng)
    whole = solver.solve(indptr, rows, confidences)
    pieces = [range(min(cut, len(lengths))), range(min(cut, len(lengths)), len(lengths))]
    pieces += [range(user, user + 1) for user in range(len(lengths))]
    for piece in pieces:
        part = slice(indptr[piece.start], indptr[piece.stop])
        alone = solver.solve(indptr[piece.start : piece.stop + 1] - indptr[piece.start], rows[part], confidences[part])
        assert np.array_equal(alone, whole[piece.start : piece.stop])


def test_same_bits_across_the_blocks_of_a_large_batch() -> None:
    rng = np.random.default_rng(5)
    solver = solver_of(rng.normal(0, 0.1, (N_VIDEOS, 64)).astype(np.float32), SolverParameters())
    indptr, rows, confidences = batch_of([100] * 50 + [2900] + [7] * 50, N_VIDEOS, rng)
    whole = solver.solve(indptr, rows, confidences)
    for user in range(len(indptr) - 1):
        own = slice(indptr[user], indptr[user + 1])
        alone = solver.solve(np.array([0, own.stop - own.start]), rows[own], confidences[own])
        assert np.array_equal(alone[0], whole[user])


@given(seed=st.integers(0, 2**16), length=st.integers(1, 30))
def test_solution_is_the_minimum_of_the_objective(seed: int, length: int) -> None:
    rng = np.random.default_rng(seed)
    factors = rng.normal(0, 1, (40, 5))
    parameters = SolverParameters(regularization=0.02, unobserved_weight=0.3, frequency_exponent=0.5)
    indptr, rows, confidences = batch_of([length], 40, rng)

    def loss(u: NDArray[np.float64]) -> float:
        ridge = 0.02 * (length + 0.3 * 40) ** 0.5
        observed = confidences @ (factors[rows] @ u - 1) ** 2
        return float(observed + 0.3 * np.sum((factors @ u) ** 2) + ridge * u @ u)

    best = solver_of(factors, parameters).solve(indptr, rows, confidences)[0]
    for direction in rng.normal(0, 1e-3, (8, 5)):
        assert loss(best) < loss(best + direction)


def test_inputs_are_not_modified() -> None:
    rng = np.random.default_rng(2)
    factors = rng.normal(0, 1, (50, 4)).astype(np.float32)
    batch = batch_of([3, 9], 50, rng)
    inputs: list[NDArray[Any]] = [factors, *batch]
    before = [array.copy() for array in inputs]
    solver = solver_of(factors, SolverParameters())
    solver.solve(*batch)
    assert all(np.array_equal(a, b) for a, b in zip(before, inputs, strict=True))


def test_no_users_and_users_without_videos() -> None:
    solver = solver_of(np.ones((3, 2), np.float32), SolverParameters())
    nothing = np.empty(0, np.int32), np.empty(0, np.float32)
    assert solver.solve(np.array([0]), *nothing).shape == (0, 2)
    assert np.array_equal(solver.solve(np.array([0, 0, 0]), *nothing), np.zeros((2, 2)))


def test_singular_system_names_the_user() -> None:
    solver = solver_of(np.ones((4, 3), np.float32), SolverParameters(regularization=0.0))
    with pytest.raises(SolveFailed, match=r"user 1 of the batch \(2 videos\).*raise the regularization") as caught:
        solver.solve(np.array([0, 0, 2]), np.array([0, 1], np.int32), np.ones(2, np.float32))
    assert (caught.value.user, caught.value.n_videos) == (1, 2)
    assert isinstance(caught.value, ModelError)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_is_never_an_answer(dtype: type) -> None:
    solver = solver_of(np.eye(3, dtype=dtype), SolverParameters())
    with pytest.raises(SolveFailed, match="user 0"):
        solver.solve(np.array([0, 1, 2]), np.array([0, 1], np.int32), np.array([np.nan, 1.0], np.float32))


@pytest.mark.parametrize(
    "text",
    ['{"regularization": -1}', '{"unobserved_weight": -0.1}', '{"frequency_exponent": 1.5}', '{"alpha": 1}'],
)
def test_parameters_out_of_range_are_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=SolverParameters)


def test_float32_is_trusted_below_its_own_tolerance_only() -> None:
    assert np.finfo(np.float32).eps * MAX_CONDITION < 1e-4
