"""The user solver in batch beside `implicit`'s recalculation, user by user, at several lengths of history.

Both are held to a float64 reference, and stand beside BLAS and LAPACK alone: a system of k equations for a user, or one
of as many equations as the user has videos.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from models.factorization.user_solver import SolverParameters, UserSolver
from tests.benchmarks.alternating import medians
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figures
from tests.benchmarks.limits import solve_sides
from tests.benchmarks.waiting import BenchmarkFailed

FACTS = (1, 10, 100, 500)
_KEY_FACTS, _ROUNDS, _CHECKED = 100, 5, 50
_REGULARIZATION = 5.0
_TOLERANCE = 1e-4

Solve = Callable[[], NDArray[Any]]


async def measure(bench: Bench) -> Figures:
    """Return what a user costs on all sides, in CPU microseconds, and `solve_ratio` at 100 videos."""
    found: Figures = {}
    for facts in FACTS:
        found |= _at(
            bench.model.factors, facts, max(_CHECKED, bench.sizes.solved_users * _KEY_FACTS // max(facts, 100))
        )
    found["solve_ratio"] = found[f"solve_{_KEY_FACTS}_ratio"]
    found["solve_users_per_cpu_second"] = 1e6 / found[f"solve_{_KEY_FACTS}_us"]
    found["implicit_users_per_cpu_second"] = 1e6 / found[f"implicit_solve_{_KEY_FACTS}_us"]
    return found


def _at(factors: NDArray[np.float32], facts: int, count: int) -> Figures:
    rng = np.random.default_rng(4)
    rows = np.concatenate([np.sort(rng.choice(len(factors), facts, replace=False)) for _ in range(count)])
    indptr = np.arange(0, len(rows) + 1, facts, dtype=np.int64)
    ours, theirs = _ours(factors, indptr, rows.astype(np.int32)), _theirs(factors, indptr, rows.astype(np.int32))
    reference = _reference(factors, rows.reshape(-1, facts)[:_CHECKED])
    # with confidence 2 for what was watched, implicit's right side is twice ours: (1 + s) v against s v
    _hold("the user solver", ours()[:_CHECKED], reference)
    _hold("implicit", theirs()[:_CHECKED] / 2, reference, 10 * _TOLERANCE)
    limits = solve_sides(facts, factors.shape[1], count)
    spent = medians({"ours": ours, "theirs": theirs, **limits}, _ROUNDS)
    us = {name: 1e6 * seconds / count for name, seconds in spent.items()}
    return {
        f"solve_{facts}_ratio": us["theirs"] / us["ours"],
        f"solve_{facts}_us": us["ours"],
        f"implicit_solve_{facts}_us": us["theirs"],
        **{f"blas_{name}_{facts}_us": us[name] for name in limits},
    }


def _ours(factors: NDArray[np.float32], indptr: NDArray[np.int64], rows: NDArray[np.int32]) -> Solve:
    parameters = SolverParameters(regularization=_REGULARIZATION, unobserved_weight=1.0, frequency_exponent=0.0)
    solver = UserSolver(factors, factors.T @ factors, parameters)
    confidences = np.ones(len(rows), np.float32)
    return lambda: solver.solve(indptr, rows, confidences)


def _theirs(factors: NDArray[np.float32], indptr: NDArray[np.int64], rows: NDArray[np.int32]) -> Solve:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about threads and GPUs
        from implicit.cpu.als import AlternatingLeastSquares

        learner = AlternatingLeastSquares(factors.shape[1], _REGULARIZATION, num_threads=1, alpha=1.0)
    count = len(indptr) - 1
    learner.item_factors, learner.user_factors = factors.copy(), np.zeros((count, factors.shape[1]), np.float32)
    watched = csr_matrix((np.full(len(rows), 2.0, np.float32), rows, indptr), (count, len(factors)))
    users = [watched[number] for number in range(count)]  # cutting them out is not its work
    return lambda: np.array([learner.recalculate_user(number, user) for number, user in enumerate(users)])


def _reference(factors: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    exact = factors.astype(np.float64)
    base = exact.T @ exact + _REGULARIZATION * np.eye(exact.shape[1])
    return np.array([np.linalg.solve(base + exact[one].T @ exact[one], exact[one].sum(axis=0)) for one in rows])


def _hold(who: str, found: NDArray[Any], reference: NDArray[np.float64], tolerance: float = _TOLERANCE) -> None:
    error = float(np.max(np.linalg.norm(found - reference, axis=1) / np.linalg.norm(reference, axis=1)))
    if error > tolerance:
        raise BenchmarkFailed(f"{who} is off the float64 reference by {error:.2g}, more than {tolerance:.0g}")
