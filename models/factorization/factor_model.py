"""A factor model: one immutable object per region and version, and what is derived from it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.errors import FactorsInvalid
from models.factorization.model_description import ModelDescription
from models.factorization.model_id import NO_DIGEST, ModelId
from models.factorization.user_solver import UserSolver
from models.feedback.video_index import VideoIndex
from models.numerics.scoring import ExactSearch

_GRAM_ROWS: Final = 8192  # converted to float64 at a time: 4 MiB at k = 64


@dataclass(frozen=True, eq=False)
class FactorModel:
    """Video factors and all that solving, scoring and ranking with them need. Make it with `build`.

    Parameters
    ----------
    region, version : str
        Which model this is.
    video_ids : tuple of str
        The n_videos ids in row order, unique.
    factors : float32 (n_videos, k)
        Video factors, C-contiguous, read-only.
    gram : float32 (k, k)
        ``factors.T @ factors``, read-only.
    popularity : float32 (n_videos,)
        Number of users, of all time, for whom the video has a confidence above 0; read-only.
    description : ModelDescription
        Input transformation, solver and ranker.
    digest : bytes
        First bytes of its manifest's digest, as in `ModelId`.
    """

    region: str
    version: str
    video_ids: tuple[str, ...]
    factors: NDArray[np.float32]
    gram: NDArray[np.float32]
    popularity: NDArray[np.float32]
    description: ModelDescription
    digest: bytes = NO_DIGEST

    @classmethod
    def build(
        cls,
        *,
        region: str,
        version: str,
        video_ids: Sequence[str],
        factors: NDArray[Any],
        popularity: NDArray[Any],
        description: ModelDescription,
        digest: bytes = NO_DIGEST,
    ) -> "FactorModel":
        """Check the parts, compute the gram and freeze the arrays (copies, unless already float32 and C-contiguous).

        Raises
        ------
        FactorsInvalid
            Wrong shape or dtype, NaN or infinity, a popularity below 0, an empty or repeated id, no video.
        """
        ids = tuple(video_ids)
        _check_ids(ids)
        checked = _float32("factors", factors, 2, len(ids))
        counts = _float32("popularity", popularity, 1, len(ids))
        if counts.min() < 0:
            raise FactorsInvalid(f"popularity of {ids[int(counts.argmin())]!r} is {counts.min()}, below 0")
        gram = gram_of(checked).astype(np.float32)
        for array in (checked, counts, gram):
            array.flags.writeable = False
        return cls(region, version, ids, checked, gram, counts, description, digest)

    @property
    def n_videos(self) -> int:
        """Number of videos."""
        return len(self.factors)

    @property
    def n_factors(self) -> int:
        """Number of factors, k."""
        return int(self.factors.shape[1])

    @cached_property
    def id(self) -> ModelId:
        """Which model this is, for whoever must tell it from every other."""
        return ModelId(self.region, self.version, self.digest)

    @cached_property
    def index(self) -> VideoIndex:
        """The row of each video id."""
        return VideoIndex(self.video_ids)

    @cached_property
    def search(self) -> ExactSearch:
        """The search for this model's best videos."""
        return ExactSearch(self.factors)

    @cached_property
    def solver(self) -> UserSolver:
        """The solver of this model's users."""
        return UserSolver(self.factors, self.gram, self.description.solver)


def gram_of(factors: NDArray[Any]) -> NDArray[np.float64]:
    """Return ``factors.T @ factors``, (k, k), summed in float64 in blocks of rows; O(n k^2)."""
    gram = np.zeros((factors.shape[1],) * 2)
    for start in range(0, len(factors), _GRAM_ROWS):
        block = factors[start : start + _GRAM_ROWS].astype(np.float64)
        gram += block.T @ block
    return gram


def _float32(name: str, array: NDArray[Any], n_dimensions: int, n_videos: int) -> NDArray[np.float32]:
    """Return a read-only-able float32 array that shares no memory with one that its owner may write to."""
    if array.ndim != n_dimensions or len(array) != n_videos or 0 in array.shape:
        raise FactorsInvalid(f"{name} have shape {array.shape}; {n_videos} videos need {n_dimensions} dimensions")
    if array.dtype.kind not in "fiu":
        raise FactorsInvalid(f"{name} have dtype {array.dtype}; float32 is needed")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinity, which is refused below
        checked = np.array(array, np.float32, order="C", copy=True if array.flags.writeable else None)
    if not np.isfinite(checked).all():
        row = int(np.argwhere(~np.isfinite(checked))[0][0])
        raise FactorsInvalid(f"{name} hold NaN or infinity, first in row {row}")
    return checked


def _check_ids(ids: tuple[str, ...]) -> None:
    if not ids:
        raise FactorsInvalid("a model needs at least one video")
    if len(set(ids)) != len(ids):
        repeated = Counter(ids).most_common(1)[0][0]
        raise FactorsInvalid(f"video id {repeated!r} appears more than once")
    if "" in ids:
        raise FactorsInvalid(f"the video id of row {ids.index('')} is empty")
