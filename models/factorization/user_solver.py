"""The user solver: a user's factors from what the user did, given the video factors.

For each user the factors ``u`` minimise (Rendle et al. 2021, "Revisiting the Performance of iALS on Item
Recommendation Benchmarks", section 3, https://arxiv.org/abs/2110.14037)::

    sum_i s_i (u.v_i - 1)^2  +  w0 sum_all (u.v)^2  +  reg (n + w0 n_videos)^exponent |u|^2

with ``i`` over the user's ``n`` videos, ``s_i`` their confidences, ``w0`` the unobserved weight. The minimum solves the
normal equations, which are symmetric and positive definite::

    (sum_i s_i v_i v_i^T  +  w0 gram  +  reg (n + w0 n_videos)^exponent I) u  =  sum_i s_i v_i

Users with few videos are solved through a smaller, dual system; `models.numerics.normal_equations` has both ways.
A learner calls the same solver for both of its sides, with users and videos exchanged.
"""

from typing import Annotated, Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.errors import SolveFailed
from models.factorization.hyperparameters import AlsHyperparameters
from models.numerics.normal_equations import System, dual_limit, solve_users

MAX_CONDITION: Final = 300.0
"""Largest bound of the condition number that float32 is trusted with (errors of up to 2.2 eps condition were seen)."""


class SolverParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Constants of the objective; they travel with the model.

    Parameters
    ----------
    regularization : float
        ``reg``, at least 0.
    unobserved_weight : float
        ``w0``, at least 0: the weight of "score 0" for every video, against confidence 1 of "score 1" for a video that
        the user liked.
    frequency_exponent : float
        0 to 1. 0: the same ridge for every user; 1: a ridge in proportion to the number of videos.
    """

    regularization: Annotated[float, msgspec.Meta(ge=0)] = AlsHyperparameters.regularization
    unobserved_weight: Annotated[float, msgspec.Meta(ge=0)] = AlsHyperparameters.unobserved_weight
    frequency_exponent: Annotated[float, msgspec.Meta(ge=0, le=1)] = AlsHyperparameters.frequency_exponent

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
        exact = parameters.unobserved_weight * gram.astype(np.float64)
        eigenvalues, eigenvectors = np.linalg.eigh(exact)
        eigenvalues = np.maximum(eigenvalues, 0.0)  # a gram has none below, but for rounding
        self._lowest, self._highest = float(eigenvalues[0]), float(eigenvalues[-1])
        self._precise = System(exact, eigenvalues, np.ascontiguousarray(eigenvectors))
        self._system = self._precise.astype(factors.dtype)
        self._rounding = len(exact) * float(np.finfo(np.float64).eps) * self._highest

    def solve(self, indptr: NDArray[np.int64], rows: NDArray[np.int32], confidences: NDArray[Any]) -> NDArray[Any]:
        """Solve the factors of m users, given as the rows of a CSR matrix.

        Parameters
        ----------
        indptr : int64 (m + 1,)
            User ``j`` owns the entries ``indptr[j]:indptr[j + 1]``; ``indptr[0]`` is 0.
        rows : int32 (nnz,)
            Row of the video of each entry, in ``0..n_videos - 1``; each at most once for a user.
        confidences : float (nnz,)
            Confidence of each entry, greater than 0.

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
        O(n k^2 + min(n, k)^3) for a user with n videos; memory O(n k) for the longest history. The interpreter's lock
        is free while it runs.
        """
        counts = np.diff(indptr)
        ridges = self.parameters.ridge(counts, len(self._factors))
        precise = self._needs_float64(indptr, rows, confidences, ridges)
        solution = np.zeros((len(counts), self._factors.shape[1]), self._factors.dtype)
        for chosen, system in ((~precise, self._system), (precise, self._precise)):
            if chosen.any():
                users, dual_up_to = np.flatnonzero(chosen), self._dual_up_to(precise, ridges)
                solve_users(users, indptr, rows, confidences, ridges, self._factors, system, dual_up_to, solution)
        _check(solution, counts)
        return solution

    def _dual_up_to(self, precise: NDArray[np.bool_], ridges: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return for each user with how many videos the dual way is taken, shape (m,).

        Fewer videos than factors leave the primal matrix to the ridge, which rounding may lose and the dual way keeps:
        who needs precision is solved the dual way up to k. Nobody is where an eigenvalue that may be 0 would divide.
        """
        k = self._factors.shape[1]
        divisible = self._lowest + ridges > self._rounding
        return np.where(divisible, np.where(precise, k, dual_limit(k)), 0)

    def _needs_float64(
        self, indptr: NDArray[np.int64], rows: NDArray[np.int32], confidences: NDArray[Any], ridges: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Return for each user whether float32 might miss 1e-4, shape (m,)."""
        if self._factors.dtype == np.float64:
            return np.zeros(len(ridges), np.bool_)
        # a running sum would let one user's rounding depend on another's; bincount adds each user's from 0
        owners = np.repeat(np.arange(len(ridges)), np.diff(indptr))
        traces = np.bincount(owners, confidences * self._squared_norms[rows], len(ridges))
        return self._highest + ridges + traces > MAX_CONDITION * (self._lowest + ridges)


def _check(solution: NDArray[Any], counts: NDArray[np.int64]) -> None:
    finite = np.isfinite(solution).all(axis=1)
    if not finite.all():
        user = int(np.argmin(finite))
        raise SolveFailed(user, int(counts[user]))
