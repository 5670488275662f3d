"""What changes between two versions' lists of the same users: which videos, which genres, and for whom."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from math import fsum
from typing import Final, NamedTuple

from models.evaluation.list_comparison import Pair, UserList, videos_in

TENTHS: Final = 10


class Mover(NamedTuple):
    """A video that one version shows more often than the other.

    Parameters
    ----------
    video : str
        Its id.
    places : Pair
        How many of the users' lists hold it.
    """

    video: str
    places: Pair

    @property
    def gain(self) -> int:
        """How many more lists hold it in the candidate; below 0 where fewer do."""
        return int(self.places.candidate - self.places.active)


def movers(active_lists: Iterable[UserList], candidate_lists: Iterable[UserList]) -> list[Mover]:
    """Return the videos whose number of list places changes, the largest gain first; equal ones by id.

    O(n log n) for n list places. The order of the users does not matter, and the gains of lists of equal lengths add
    up to 0.
    """
    before, after = Counter(videos_in(active_lists)), Counter(videos_in(candidate_lists))
    changed = [Mover(video, Pair(before[video], after[video])) for video in before.keys() | after.keys()]
    return sorted((one for one in changed if one.gain), key=lambda one: (-one.gain, one.video))


def share_by_genre(lists: Iterable[UserList], genres_of: Callable[[str], Sequence[str]]) -> dict[str | None, float]:
    """Return the share of the list places that each genre takes; the shares add up to 1, or there is none.

    Parameters
    ----------
    lists : iterable of UserList
        What the users see.
    genres_of : callable
        The genres of a video id. A place of a video with g genres counts 1/g for each, so that what one genre gains
        others lose; a video without any counts for None.

    Notes
    -----
    O(n) for n list places; the order of the users does not matter.
    """
    parts: dict[str | None, list[float]] = defaultdict(list)
    total = 0
    for video, places in Counter(videos_in(lists)).items():
        genres: Sequence[str | None] = tuple(dict.fromkeys(genres_of(video))) or (None,)
        total += places
        for genre in genres:
            parts[genre].append(places / len(genres))
    return {genre: fsum(counts) / total for genre, counts in parts.items()}


def lost_everything(active_lists: Iterable[UserList], candidate_lists: Iterable[UserList]) -> list[int]:
    """Return the positions of the users who had a list and have none; exchange the versions for those who gain one."""
    both = zip(active_lists, candidate_lists, strict=True)
    return [user for user, (before, after) in enumerate(both) if before.videos and not after.videos]


def tenths(values: Iterable[float]) -> list[int]:
    """Return how many values, each 0 to 1, lie in each tenth, ``0 <= value < 0.1`` first; 1 is in the last.

    Examples
    --------
    >>> tenths([0.0, 0.1, 0.95, 1.0])
    [1, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    """
    found = Counter(min(TENTHS - 1, int(value * TENTHS)) for value in values)
    return [found[tenth] for tenth in range(TENTHS)]
