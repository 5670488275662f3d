"""What no solver can be faster than: BLAS and LAPACK alone, called from compiled code, on data that lie in the cache.

A user with n videos is a system of k equations (the rank-n update of a k x k matrix) or, where n is smaller, one of n
equations (the n x n matrix of their videos' products); here only the calls are made that one of them cannot do without.
"""

import ctypes
from typing import Any

import numpy as np
from numba import njit
from numba.extending import get_cython_function_address
from numpy.typing import NDArray

from tests.benchmarks.alternating import Side

_DUAL_UP_TO = 2  # times k videos: beyond, n equations are dearer for certain, and slow to measure
_USERS_AT_ONCE, _VIDEOS_AT_ONCE = 256, 2048  # 2 MiB of scores, videos by users: a quarter faster than users by videos


def _routine(module: str, name: str, arguments: int) -> Any:
    pointer = get_cython_function_address(f"scipy.linalg.{module}", name)
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * arguments)(pointer)


_ssyrk = _routine("cython_blas", "ssyrk", 10)
_sposv = _routine("cython_lapack", "sposv", 8)


def _solve(
    base: NDArray[np.float32], rows: NDArray[np.float32], side: NDArray[np.float32], transposed: bool, count: int
) -> NDArray[np.float32]:
    size, (n, k) = len(base), rows.shape
    matrix, solution = np.empty_like(base), np.empty_like(side)
    lower, kind = np.array([ord("L")], np.int8), np.array([ord("T" if transposed else "N")], np.int8)
    order, inner, leading = np.array([size], np.int32), np.array([n + k - size], np.int32), np.array([k], np.int32)
    one, columns, info = np.ones(1, np.float32), np.ones(1, np.int32), np.zeros(1, np.int32)
    for _ in range(count):
        matrix[:] = base
        solution[:] = side
        _ssyrk(
            lower.ctypes, kind.ctypes, order.ctypes, inner.ctypes, one.ctypes, rows.ctypes, leading.ctypes, one.ctypes,
            matrix.ctypes, order.ctypes,
        )  # fmt: skip
        _sposv(
            lower.ctypes, order.ctypes, columns.ctypes, matrix.ctypes, order.ctypes, solution.ctypes, order.ctypes,
            info.ctypes,
        )  # fmt: skip
    return solution


_solve_compiled: Any = njit(_solve)


def k_equations(base: NDArray[np.float32], rows: NDArray[np.float32], count: int = 1) -> NDArray[np.float32]:
    """Solve ``(base + rows^T rows) u = rows^T 1`` `count` times; rows float32 (n, k), base (k, k)."""
    solution: NDArray[np.float32] = _solve_compiled(base, rows, rows.sum(axis=0), False, count)
    return solution


def n_equations(base: NDArray[np.float32], rows: NDArray[np.float32], count: int = 1) -> NDArray[np.float32]:
    """Solve ``(base + rows rows^T) x = 1`` `count` times; rows float32 (n, k), base (n, n)."""
    solution: NDArray[np.float32] = _solve_compiled(base, rows, np.ones(len(rows), np.float32), True, count)
    return solution


def solve_sides(n: int, k: int, count: int) -> dict[str, Side]:
    """Return what solves `count` users of n videos at the least: by k equations, and by n where that may be less."""
    rows = np.random.default_rng(8).normal(0, k**-0.5, (n, k)).astype(np.float32)
    sides: dict[str, Side] = {"k_equations": lambda: k_equations(10 * np.eye(k, dtype=np.float32), rows, count)}
    if n <= _DUAL_UP_TO * k:
        sides["n_equations"] = lambda: n_equations(10 * np.eye(n, dtype=np.float32), rows, count)
    return sides


def scores_side(users: NDArray[np.float32], factors: NDArray[np.float32]) -> Side:
    """Return what only multiplies users (m, k) and videos (n, k), in blocks of the fastest shape, and counts scores."""
    blocks = [users[at : at + _USERS_AT_ONCE].T for at in range(0, len(users), _USERS_AT_ONCE)]
    tiles = [factors[at : at + _VIDEOS_AT_ONCE] for at in range(0, len(factors), _VIDEOS_AT_ONCE)]
    out = np.empty(_VIDEOS_AT_ONCE * _USERS_AT_ONCE, np.float32)

    def multiply() -> int:
        made = 0
        for block in blocks:
            for tile in tiles:
                shape = len(tile), block.shape[1]
                made += np.matmul(tile, block, out[: shape[0] * shape[1]].reshape(shape)).size
        return made

    return multiply


def scan_side(users: NDArray[np.float32], factors: NDArray[np.float32]) -> Side:
    """Return what multiplies one user after the other with all videos, as fast as memory is, and counts scores."""
    out = np.empty(len(factors), np.float32)

    def multiply() -> int:
        return sum(np.matmul(factors, user, out).size for user in users)

    return multiply
