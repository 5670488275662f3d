"""The limits do the work that they stand for: they solve the systems and make the scores."""

import numpy as np
import pytest

from tests.benchmarks.limits import k_equations, n_equations, scan_side, scores_side, solve_sides


@pytest.mark.parametrize("n", [1, 5, 40])
def test_both_systems_are_solved(n: int) -> None:
    rows = np.random.default_rng(1).normal(size=(n, 12)).astype(np.float32)
    wide, high = 2 * np.eye(12, dtype=np.float32), 3 * np.eye(n, dtype=np.float32)
    np.testing.assert_allclose(
        k_equations(wide, rows, 3), np.linalg.solve(wide + rows.T @ rows, rows.sum(axis=0)), rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(
        n_equations(high, rows, 3), np.linalg.solve(high + rows @ rows.T, np.ones(n)), rtol=1e-3, atol=1e-4
    )


def test_two_systems_of_equal_solution_are_compared() -> None:
    """The two give the same user factors with base c I: u = V^T (c I + V V^T)^-1 1 (the push-through identity)."""
    rows = np.random.default_rng(2).normal(size=(6, 10)).astype(np.float32)
    u = k_equations(2 * np.eye(10, dtype=np.float32), rows)
    np.testing.assert_allclose(rows.T @ n_equations(2 * np.eye(6, dtype=np.float32), rows), u, rtol=1e-3, atol=1e-5)


def test_n_equations_are_left_out_where_they_are_dearer() -> None:
    assert set(solve_sides(20, 10, 1)) == {"k_equations", "n_equations"}
    assert set(solve_sides(21, 10, 1)) == {"k_equations"}


def test_scores_and_scans_leave_nobody_and_nothing_out() -> None:
    for n_users, n_videos in ((1, 1), (300, 2_047), (256, 2_048), (257, 5_000)):
        users, factors = np.ones((n_users, 4), np.float32), np.ones((n_videos, 4), np.float32)
        assert scores_side(users, factors)() == n_users * n_videos
        assert scan_side(users, factors)() == n_users * n_videos
