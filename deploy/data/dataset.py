"""Ratings in time order and the videos that they are of."""

from dataclasses import dataclass
from typing import NamedTuple


class Rating(NamedTuple):
    """One user rated one video.

    Attributes
    ----------
    ts : int
        Seconds since the epoch, UTC.
    user_id, video_id : str
        ``u`` or ``v`` and the set's own id.
    rating : float
        Stars, 0.5 to 5.
    """

    ts: int
    user_id: str
    video_id: str
    rating: float


class CatalogueEntry(NamedTuple):
    """What is known about a video; `year` is None where the set names none."""

    video_id: str
    title: str
    year: int | None
    genres: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A set of ratings.

    Attributes
    ----------
    name : str
        ``"movielens"`` or ``"movietweetings"``.
    ratings : tuple of Rating
        Ascending by (ts, user_id, video_id), so that the order is the same everywhere.
    catalogue : tuple of CatalogueEntry
        In the set's own order; holds every rated video.
    """

    name: str
    ratings: tuple[Rating, ...]
    catalogue: tuple[CatalogueEntry, ...]

    def split(self, fraction: float) -> tuple[tuple[Rating, ...], tuple[Rating, ...]]:
        """Split in time: the first ``int(fraction * n)`` ratings, and the rest.

        Raises
        ------
        ValueError
            If `fraction` is not in 0..1.
        """
        if not 0.0 <= fraction <= 1.0:
            raise ValueError(f"the fraction of ratings before the split is {fraction}: give 0 to 1")
        at = int(fraction * len(self.ratings))
        return self.ratings[:at], self.ratings[at:]
