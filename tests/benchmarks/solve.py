"""The user solver in batch beside `implicit`'s recalculation, user by user; both are held to a float64 reference."""

import time
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from models.user_solver import SolverParameters, UserSolver
from tests.benchmarks.bench import Bench
from tests.benchmarks.deployment import BenchmarkFailed
from tests.benchmarks.figures import Figures

_FACTS = 100
_REGULARIZATION = 5.0
_TOLERANCE = 1e-4


async def measure(bench: Bench) -> Figures:
    """Return users for each CPU second of both, with histories of 100 videos."""
    sizes = bench.sizes
    factors = bench.model.factors
    rng = np.random.default_rng(4)
    rows = np.concatenate(
        [np.sort(rng.choice(sizes.n_videos, _FACTS, replace=False)) for _ in range(sizes.solved_users)]
    ).astype(np.int32)
    indptr = np.arange(0, len(rows) + 1, _FACTS, dtype=np.int64)
    ours, our_rate = _ours(factors, indptr, rows)
    theirs, their_rate = _theirs(factors, indptr, rows)
    reference = _reference(factors, rows.reshape(-1, _FACTS)[:50])
    # with confidence 2 for what was watched, implicit's right side is twice ours: (1 + s) v against s v
    _hold("the user solver", ours[:50], reference)
    _hold("implicit", theirs[:50] / 2, reference, 10 * _TOLERANCE)
    return {
        "solve_ratio": our_rate / their_rate,
        "solve_users_per_cpu_second": our_rate,
        "implicit_users_per_cpu_second": their_rate,
    }


def _ours(
    factors: NDArray[np.float32], indptr: NDArray[np.int64], rows: NDArray[np.int32]
) -> tuple[NDArray[Any], float]:
    parameters = SolverParameters(regularization=_REGULARIZATION, unobserved_weight=1.0, frequency_exponent=0.0)
    solver = UserSolver(factors, factors.T @ factors, parameters)
    strengths = np.ones(len(rows), np.float32)
    solver.solve(indptr[:11], rows[: 10 * _FACTS], strengths[: 10 * _FACTS])
    started = time.process_time()
    solved = solver.solve(indptr, rows, strengths)
    return solved, (len(indptr) - 1) / (time.process_time() - started)


def _theirs(
    factors: NDArray[np.float32], indptr: NDArray[np.int64], rows: NDArray[np.int32]
) -> tuple[NDArray[Any], float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about threads and GPUs
        from implicit.cpu.als import AlternatingLeastSquares

        learner = AlternatingLeastSquares(factors.shape[1], _REGULARIZATION, num_threads=1, alpha=1.0)
    count = len(indptr) - 1
    learner.item_factors, learner.user_factors = factors.copy(), np.zeros((count, factors.shape[1]), np.float32)
    watched = csr_matrix((np.full(len(rows), 2.0, np.float32), rows, indptr), (count, len(factors)))
    learner.recalculate_user(0, watched[0])  # makes its gram once
    users = [watched[number] for number in range(count)]
    started = time.process_time()
    solved = [learner.recalculate_user(number, user) for number, user in enumerate(users)]
    return np.array(solved), count / (time.process_time() - started)


def _reference(factors: NDArray[np.float32], rows: NDArray[np.int32]) -> NDArray[np.float64]:
    exact = factors.astype(np.float64)
    base = exact.T @ exact + _REGULARIZATION * np.eye(exact.shape[1])
    return np.array([np.linalg.solve(base + exact[one].T @ exact[one], exact[one].sum(axis=0)) for one in rows])


def _hold(who: str, found: NDArray[Any], reference: NDArray[np.float64], tolerance: float = _TOLERANCE) -> None:
    error = float(np.max(np.linalg.norm(found - reference, axis=1) / np.linalg.norm(reference, axis=1)))
    if error > tolerance:
        raise BenchmarkFailed(f"{who} is off the float64 reference by {error:.2g}, more than {tolerance:.0g}")
