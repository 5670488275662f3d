"""The user solver: a user's factors from what the user did, given the video factors.

For each user the factors ``u`` minimise (Rendle et al. 2021, "Revisiting the Performance of iALS on Item
Recommendation Benchmarks", section 3, https://arxiv.org/abs/2110.14037)::

    sum_i s_i (u.v_i - 1)^2  +  w0 sum_all (u.v)^2  +  reg (n + w0 n_videos)^exponent |u|^2

with ``i`` over the user's ``n`` videos, ``s_i`` their strengths, ``w0`` the unobserved weight. The minimum solves the
normal equations, which are symmetric and positive definite::

    (sum_i s_i v_i v_i^T  +  w0 gram  +  reg (n + w0 n_videos)^exponent I) u  =  sum_i s_i v_i

The matrix is one rank-n update (BLAS ``syrk``) of a copy of ``w0 gram``; one Cholesky factorisation (LAPACK ``posv``)
solves it. A learner calls the same solver for both of its sides, with users and videos exchanged.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, lapack

from models.errors import SolveFailed

MAX_CONDITION: Final = 300.0
"""Largest bound of the condition number that float32 is trusted with (errors of up to 2.2 eps condition were seen)."""

_BLOCK_ENTRIES: Final = 2048  # entries gathered at once: 512 KiB at k = 64, which stays in a core's cache
_SYRK: Final = {np.dtype(np.float32): blas.ssyrk, np.dtype(np.float64): blas.dsyrk}
_POSV: Final = {np.dtype(np.float32): lapack.sposv, np.dtype(np.float64): lapack.dposv}


class SolverParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Constants of the objective; they travel with the model.

    Parameters
    ----------
    regularization : float
        ``reg``, at least 0.
    unobserved_weight : float
        ``w0``, at least 0: the weight of "score 0" for every video, against strength 1 of "score 1" for a video that
        the user liked.
    frequency_exponent : float
        0 to 1. 0: the same ridge for every user; 1: a ridge in proportion to the number of videos.
    """

    regularization: Annotated[float, msgspec.Meta(ge=0)] = 0.003
    unobserved_weight: Annotated[float, msgspec.Meta(ge=0)] = 0.1
    frequency_exponent: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0

    def ridge(self, counts: NDArray[np.int64], n_videos: int) -> NDArray[np.float64]:
        """Return ``reg (n + w0 n_videos)^exponent`` for users with ``counts`` videos each, shape (m,)."""
        sizes = counts.astype(np.float64) + self.unobserved_weight * n_videos
        return np.asarray(self.regularization * sizes**self.frequency_exponent)


class UserSolver:
    """Solves users' factors against fixed video factors.

    Parameters
    ----------
    factors : array (n_videos, k), float32 or float64
        Video factors, C-contiguous for speed. Their dtype is the dtype of the result. Not copied, not modified.
    gram : array (k, k)
        ``factors.T @ factors``.
    parameters : SolverParameters
        Constants of the objective.

    Notes
    -----
    float32 is used where it is known to hold 1e-4: the relative error of a Cholesky solution is about the condition
    number times the machine epsilon, and the eigenvalues of the matrix lie between ``w0 min(eig(gram)) + ridge`` and
    ``w0 max(eig(gram)) + ridge + sum_i s_i |v_i|^2``. A user for whom their ratio exceeds `MAX_CONDITION` is solved in
    float64 instead, at about twice the cost. The choice depends on that user alone.
    """

    def __init__(self, factors: NDArray[Any], gram: NDArray[Any], parameters: SolverParameters) -> None:
        self.parameters = parameters
        self._factors = factors
        self._squared_norms = np.einsum("ij,ij->i", factors, factors, dtype=np.float64)
        exact = np.asfortranarray(parameters.unobserved_weight * gram.astype(np.float64))
        eigenvalues = np.linalg.eigvalsh(exact)
        self._lowest, self._highest = max(0.0, float(eigenvalues[0])), float(eigenvalues[-1])
        self._bases = {np.dtype(dtype): exact.astype(dtype, order="F") for dtype in (np.float32, np.float64)}

    def solve(self, indptr: NDArray[np.int64], rows: NDArray[np.int32], strengths: NDArray[Any]) -> NDArray[Any]:
        """Solve the factors of m users, given as the rows of a CSR matrix.

        Parameters
        ----------
        indptr : int64 (m + 1,)
            User ``j`` owns the entries ``indptr[j]:indptr[j + 1]``; ``indptr[0]`` is 0.
        rows : int32 (nnz,)
            Row of the video of each entry, in ``0..n_videos - 1``; each at most once for a user.
        strengths : float (nnz,)
            Strength of each entry, greater than 0.

        Returns
        -------
        array (m, k), dtype of the video factors
            Zeros for a user without entries. A user's factors are the same bits whatever else is in the batch.

        Raises
        ------
        SolveFailed
            A user's matrix is not positive definite, or holds NaN.

        Notes
        -----
        O(n k^2 + k^3) for a user with n videos; memory O(n k) for the longest history.
        """
        counts = np.diff(indptr)
        ridges = self.parameters.ridge(counts, len(self._factors))
        precise = self._needs_float64(indptr, rows, strengths, ridges).tolist()
        solution = np.zeros((len(counts), self._factors.shape[1]), self._factors.dtype)
        bounds = indptr.tolist()
        for first, last in _blocks(bounds, precise):
            entries = slice(bounds[first], bounds[last])
            dtype = np.dtype(np.float64) if precise[first] else self._factors.dtype
            roots = np.sqrt(strengths[entries], dtype=dtype)
            weighted = self._factors.take(rows[entries], axis=0).astype(dtype, copy=False)
            weighted *= roots[:, np.newaxis]
            system = _NormalEquations(self._bases[dtype])
            for user in range(first, last):
                own = slice(bounds[user] - entries.start, bounds[user + 1] - entries.start)
                if own.start < own.stop:
                    solution[user] = system.solve(weighted[own], roots[own], ridges[user])
        _check(solution, counts)
        return solution

    def _needs_float64(
        self, indptr: NDArray[np.int64], rows: NDArray[np.int32], strengths: NDArray[Any], ridges: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Return for each user whether float32 might miss 1e-4, shape (m,)."""
        if self._factors.dtype == np.float64:
            return np.zeros(len(ridges), np.bool_)
        # a running sum would let one user's rounding depend on another's; bincount adds each user's from 0
        owners = np.repeat(np.arange(len(ridges)), np.diff(indptr))
        traces = np.bincount(owners, strengths * self._squared_norms[rows], len(ridges))
        return self._highest + ridges + traces > MAX_CONDITION * (self._lowest + ridges)


class _NormalEquations:
    """Work space for the matrix of one user at a time, in the dtype of ``base``, which is ``w0 gram``."""

    def __init__(self, base: NDArray[Any]) -> None:
        self._base = base
        self._matrix = np.empty_like(base, order="F")  # LAPACK works in place on Fortran order, without a copy
        self._diagonal = self._matrix.ravel("K")[:: len(base) + 1]
        self._syrk, self._posv = _SYRK[base.dtype], _POSV[base.dtype]

    def solve(self, weighted: NDArray[Any], roots: NDArray[Any], ridge: float) -> NDArray[Any] | float:
        """Solve one user with ``weighted = sqrt(s) v`` (n, k) and ``roots = sqrt(s)``; NaN if not definite."""
        self._matrix[...] = self._base
        # sum_i s_i v_i v_i^T = weighted^T weighted; only the lower triangle is formed
        self._syrk(1.0, weighted.T, beta=1.0, c=self._matrix, lower=1, overwrite_c=1)
        self._diagonal += ridge
        _, solution, info = self._posv(self._matrix, roots @ weighted, lower=1, overwrite_a=1, overwrite_b=1)
        return solution if info == 0 else np.nan


def _check(solution: NDArray[Any], counts: NDArray[np.int64]) -> None:
    finite = np.isfinite(solution).all(axis=1)
    if not finite.all():
        user = int(np.argmin(finite))
        raise SolveFailed(user, int(counts[user]))


def _blocks(bounds: list[int], precise: list[bool]) -> Iterator[tuple[int, int]]:
    """Cut users into runs ``first..last - 1`` of one precision that own few entries (or are one user)."""
    first = 0
    for user in range(1, len(precise) + 1):
        if user == len(precise) or precise[user] != precise[first] or bounds[user + 1] - bounds[first] > _BLOCK_ENTRIES:
            yield first, user
            first = user
