"""Both ways of solving, primal and dual, against NumPy in float64; and where one of them must give up."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.numerics.normal_equations import System, dual_limit, solve_users

_NEVER, _ALWAYS = 0, 10**6


def system_of(base: NDArray[np.float64], dtype: Any) -> System:
    eigenvalues, eigenvectors = np.linalg.eigh(base)
    return System(base, eigenvalues, eigenvectors).astype(np.dtype(dtype))


def solved(
    factors: NDArray[Any], confidences: NDArray[Any], ridge: float, system: System, dual_up_to: int
) -> NDArray[Any]:
    """One user who knows every video."""
    n = len(factors)
    out = np.full((1, factors.shape[1]), 7.0, factors.dtype)
    bounds = np.array([0, n])
    rows, ways = np.arange(n, dtype=np.int32), np.array([dual_up_to])
    solve_users(np.array([0]), bounds, rows, confidences, np.array([ridge]), factors, system, ways, out)
    factors_found: NDArray[Any] = out[0]
    return factors_found


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-3), (np.float64, 1e-10)])
@pytest.mark.parametrize("dual_up_to", [_NEVER, _ALWAYS])
@given(seed=st.integers(0, 2**16), n=st.sampled_from([1, 2, 3, 5, 31, 32, 33, 63, 64, 65, 100]), k=st.integers(1, 70))
@settings(deadline=None, max_examples=60)
def test_both_ways_are_the_solution(dual_up_to: int, dtype: Any, tolerance: float, seed: int, n: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    others = rng.normal(size=(2 * k, k)) / np.sqrt(k)
    factors, confidences, ridge = rng.normal(size=(n, k)) / np.sqrt(k), rng.uniform(0.1, 3, n), 0.5
    base = others.T @ others
    weighted = factors * confidences[:, np.newaxis]
    expected = np.linalg.solve(base + ridge * np.eye(k) + weighted.T @ factors, weighted.sum(axis=0))
    found = solved(factors.astype(dtype), confidences.astype(dtype), ridge, system_of(base, dtype), dual_up_to)
    assert np.linalg.norm(found - expected) <= tolerance * np.linalg.norm(expected)


def test_a_ridge_that_rounding_loses_is_kept_by_the_dual_way() -> None:
    # 2 videos of norm 1e12 and a ridge of 1e-3: V^T V + ridge is V^T V in float64, of rank 2 of 8. As the ridge goes
    # to 0 the solution becomes the shortest with v.u = 1 for both.
    factors = 1e12 * np.random.default_rng(0).normal(size=(2, 8))
    system = system_of(np.zeros((8, 8)), np.float64)
    shortest = np.linalg.pinv(factors) @ np.ones(2)
    assert np.allclose(solved(factors, np.ones(2), 1e-3, system, _ALWAYS), shortest, rtol=1e-9)
    assert np.isnan(solved(factors, np.ones(2), 1e-3, system, _NEVER)).all()


@pytest.mark.parametrize("dual_up_to", [_NEVER, _ALWAYS])
def test_nan_comes_out_as_nan(dual_up_to: int) -> None:
    factors = np.array([[1.0, np.nan]])
    assert np.isnan(solved(factors, np.ones(1), 1.0, system_of(np.eye(2), np.float64), dual_up_to)).all()


def test_who_is_not_asked_for_is_left_alone_and_who_has_nothing_gets_zeros() -> None:
    factors, out = np.eye(2), np.full((3, 2), 7.0)
    bounds, rows, ways = np.array([0, 1, 1, 2]), np.array([0, 1], np.int32), np.full(3, _ALWAYS)
    system = system_of(np.zeros((2, 2)), np.float64)
    solve_users(np.array([0, 1]), bounds, rows, np.ones(2), np.ones(3), factors, system, ways, out)
    # (v v^T + I) u = v with v a unit vector: u = v / 2
    assert out == pytest.approx(np.array([[0.5, 0.0], [0.0, 0.0], [7.0, 7.0]]))


def test_the_dual_way_ends_below_k() -> None:
    assert [dual_limit(k) for k in (1, 3, 64, 256)] == [0, 2, 42, 170]
