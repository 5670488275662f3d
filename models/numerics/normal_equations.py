"""The arithmetic of the user solver, compiled: forming a user's normal equations and solving them.

Two ways to the same factors ``u = (A + W^T W)^-1 W^T r`` of a user with n videos, where the rows of ``W`` are
``sqrt(s_i) v_i``, ``r_i = sqrt(s_i)`` and ``A = w0 gram + ridge I``:

primal
    The k x k matrix is formed and factorised: O(n k^2 + k^3 / 3).
dual
    With the eigenvectors ``Q`` and eigenvalues of ``w0 gram``, ``A = Q D Q^T`` for any ridge. Let ``X = W Q D^-1/2``;
    then ``u = Q D^-1/2 X^T (I + X X^T)^-1 r``, in which the matrix is n x n: O(n k^2 + n^2 k + n^3 / 3). (The
    push-through identity, Henderson and Searle 1981, "On Deriving the Inverse of a Sum of Matrices", eq. 3.)

The dual way is taken up to 2/3 k videos, about where the two cost the same. The bound is fixed, not timed on each
machine, so that every process computes the same bits for the same history.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.numerics.compiled import compiled

_PANEL: Final = 32  # rows factorised before the rest is updated by one matrix product
_LANES: Final = 8  # running sums of a dot product, so that they fit a vector register


class System(NamedTuple):
    """What all users' normal equations share, in one precision; C-contiguous.

    Parameters
    ----------
    base : float (k, k)
        ``w0 gram``.
    eigenvalues, eigenvectors : float (k,), (k, k)
        Its decomposition: ``base = eigenvectors @ diag(eigenvalues) @ eigenvectors.T``; no eigenvalue below 0.
    """

    base: NDArray[Any]
    eigenvalues: NDArray[Any]
    eigenvectors: NDArray[Any]

    def astype(self, dtype: np.dtype[Any]) -> "System":
        """Return the same in another precision."""
        return System(*(np.ascontiguousarray(part, dtype) for part in self))


def dual_limit(n_factors: int) -> int:
    """Return the number of videos up to which the dual way is taken."""
    return 2 * n_factors // 3


@compiled
def solve_users(
    users: NDArray[np.int64],
    indptr: NDArray[np.int64],
    rows: NDArray[np.int32],
    confidences: NDArray[Any],
    ridges: NDArray[np.float64],
    factors: NDArray[Any],
    system: "System",
    dual_up_to: NDArray[np.int64],
    solution: NDArray[Any],
) -> None:
    """Solve some users of a CSR matrix in the precision of the system.

    Parameters
    ----------
    users : int64 (m,)
        Which users; others are left as they are.
    indptr, rows, confidences
        The CSR matrix, see `UserSolver.solve`.
    ridges : float64 (n_users,)
        What each user's diagonal gets.
    factors : float (n_videos, k)
        Video factors.
    system : System
        What all users share.
    dual_up_to : int64 (n_users,)
        The dual way is taken for a user with at most so many videos.
    solution : float (n_users, k)
        Written: a user's factors, NaN where the matrix is not positive definite, zeros for a user without entries.
    """
    base, eigenvalues, eigenvectors = system
    k = len(base)
    longest = size = 1
    for user in users:
        n = indptr[user + 1] - indptr[user]
        longest = max(longest, n)
        size = max(size, k, min(n, dual_up_to[user]))
    weighted = np.empty((longest, k), base.dtype)
    roots = np.empty(longest, base.dtype)
    matrices = np.empty((4, size * size), base.dtype)
    for user in users:
        first, n = indptr[user], indptr[user + 1] - indptr[user]
        if n == 0:
            solution[user] = 0
            continue
        for entry in range(n):
            root = np.sqrt(base.dtype.type(confidences[first + entry]))
            roots[entry] = root
            row = factors[rows[first + entry]]
            for column in range(k):
                weighted[entry, column] = root * row[column]
        ridge = base.dtype.type(ridges[user])
        if n <= dual_up_to[user]:
            _dual(weighted[:n], roots[:n], eigenvalues, eigenvectors, ridge, matrices, solution[user])
        else:
            _primal(weighted[:n], roots[:n], base, ridge, matrices, solution[user])


@compiled
def _primal(
    weighted: NDArray[Any],
    roots: NDArray[Any],
    base: NDArray[Any],
    ridge: float,
    work: NDArray[Any],
    solution: NDArray[Any],
) -> None:
    n, k = weighted.shape
    matrix = work[0, : k * k].reshape(k, k)
    np.dot(weighted.T, weighted, matrix)
    side = np.zeros(k, weighted.dtype)
    for entry in range(n):
        for column in range(k):
            side[column] += roots[entry] * weighted[entry, column]
    for row in range(k):
        for column in range(row, k):
            matrix[row, column] += base[row, column]
        matrix[row, row] += ridge
    if _factorise(matrix, work[1], work[2]):
        _substitute(matrix, side)
        solution[:] = side
    else:
        solution[:] = np.nan


@compiled
def _dual(
    weighted: NDArray[Any],
    roots: NDArray[Any],
    eigenvalues: NDArray[Any],
    eigenvectors: NDArray[Any],
    ridge: float,
    work: NDArray[Any],
    solution: NDArray[Any],
) -> None:
    n, k = weighted.shape
    scales = 1 / np.sqrt(eigenvalues + ridge)
    rotated = work[0, : n * k].reshape(n, k)
    np.dot(weighted, eigenvectors, rotated)
    for entry in range(n):
        for column in range(k):
            rotated[entry, column] *= scales[column]
    matrix = work[1, : n * n].reshape(n, n)
    np.dot(rotated, rotated.T, matrix)
    for entry in range(n):
        matrix[entry, entry] += 1
    dual = roots.copy()
    if not _factorise(matrix, work[2], work[3]):
        solution[:] = np.nan
        return
    _substitute(matrix, dual)
    along = np.zeros(k, weighted.dtype)
    for entry in range(n):
        for column in range(k):
            along[column] += dual[entry] * rotated[entry, column]
    along *= scales
    solution[:] = np.dot(eigenvectors, along)


@compiled
def _factorise(matrix: NDArray[Any], panel: NDArray[Any], product: NDArray[Any]) -> bool:
    """Replace the upper triangle of a symmetric matrix by ``U`` with ``U^T U = matrix``; False if not definite.

    A pivot that is nothing but rounding counts as 0.
    Right-looking, four rows at a time within a panel of 32, one matrix product behind each panel. For k up to 256
    it takes 0.5 to 0.8 of the time of LAPACK's ``potrf``, which is made for larger matrices.
    """
    k = len(matrix)
    largest = matrix[0, 0]
    for row in range(1, k):
        largest = max(largest, matrix[row, row])
    floor = k * np.finfo(matrix.dtype).eps * largest
    for start in range(0, k, _PANEL):
        stop = min(start + _PANEL, k)
        for first in range(start, stop, 4):
            last = min(first + 4, stop)
            if not _factorise_rows(matrix, first, last, floor):
                return False
            if last - first == 4:
                _subtract_rows(matrix, first, stop)
        rest = k - stop
        if rest:
            above = panel[: (stop - start) * rest].reshape(stop - start, rest)
            above[:] = matrix[start:stop, stop:]
            square = product[: rest * rest].reshape(rest, rest)
            np.dot(above.T, above, square)
            for row in range(rest):
                for column in range(row, rest):
                    matrix[stop + row, stop + column] -= square[row, column]
    return True


@compiled
def _factorise_rows(matrix: NDArray[Any], first: int, last: int, floor: float) -> bool:
    """Finish the rows from `first` up to `last`, all of whose earlier rows are subtracted already."""
    k = len(matrix)
    for pivot in range(first, last):
        if not matrix[pivot, pivot] > floor:  # NaN, too
            return False
        scale = 1 / np.sqrt(matrix[pivot, pivot])
        row = matrix[pivot, pivot:]
        for column in range(k - pivot):
            row[column] *= scale
        for below in range(pivot + 1, last):
            factor = matrix[pivot, below]
            target, source = matrix[below, below:], matrix[pivot, below:]
            for column in range(k - below):
                target[column] -= factor * source[column]
    return True


@compiled
def _subtract_rows(matrix: NDArray[Any], first: int, stop: int) -> None:
    """Subtract the four finished rows from `first` on from the rows below them, up to `stop`."""
    k = len(matrix)
    for below in range(first + 4, stop):
        f0, f1, f2, f3 = (
            matrix[first, below],
            matrix[first + 1, below],
            matrix[first + 2, below],
            matrix[first + 3, below],
        )
        r0, r1, r2, r3 = (
            matrix[first, below:],
            matrix[first + 1, below:],
            matrix[first + 2, below:],
            matrix[first + 3, below:],
        )
        target = matrix[below, below:]
        for column in range(k - below):
            target[column] -= f0 * r0[column] + f1 * r1[column] + f2 * r2[column] + f3 * r3[column]


@compiled
def _substitute(upper: NDArray[Any], side: NDArray[Any]) -> None:
    """Replace ``side`` by the solution of ``U^T U x = side``."""
    k = len(side)
    for row in range(k):
        value = side[row] / upper[row, row]
        side[row] = value
        source, target = upper[row, row + 1 :], side[row + 1 :]
        for column in range(k - row - 1):
            target[column] -= value * source[column]
    lanes = np.empty(_LANES, side.dtype)
    for row in range(k - 1, -1, -1):
        source, known = upper[row, row + 1 :], side[row + 1 :]
        whole = (k - row - 1) // _LANES * _LANES
        lanes[:] = 0
        for column in range(0, whole, _LANES):
            for lane in range(_LANES):
                lanes[lane] += source[column + lane] * known[column + lane]
        rest = side[row]
        for lane in range(_LANES):
            rest -= lanes[lane]
        for column in range(whole, k - row - 1):
            rest -= source[column] * known[column]
        side[row] = rest / upper[row, row]
