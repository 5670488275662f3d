"""What a comparison of two versions, A and B, found out; a script reads it as JSON, where each pair is ``[A, B]``."""

from typing import TypeAlias

import msgspec

from models.evaluation.list_comparison import Comparison, Pair
from models.evaluation.reliability import Reliability


class Video(msgspec.Struct, frozen=True):
    """A video and what people call it."""

    video_id: str
    title: str


class MovedVideo(Video, frozen=True):
    """A video that takes more, or fewer, list places in B than in A."""

    places: Pair


class ListedVideo(Video, frozen=True):
    """A place of a list."""

    score: float


class GenreShare(msgspec.Struct, frozen=True):
    """The share of the list places that a genre takes; None is for videos of which no genre is known."""

    genre: str | None
    share: Pair


class SomeUsers(msgspec.Struct, frozen=True):
    """How many users there are of a kind, and the ids of the first of them."""

    count: int
    some: tuple[str, ...]


Listed: TypeAlias = tuple[ListedVideo, ...]


class UserSample(msgspec.Struct, frozen=True):
    """The lists of one user, and how much they overlap."""

    user_id: str
    overlap: float
    lists: tuple[Listed, Listed]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a comparison found out.

    Parameters
    ----------
    region, versions : which models.
    k : places of a list.
    users : how many users there were to choose the sample from, which `comparison` counts.
    comparison : the figures; "active" is A, "candidate" is B.
    overlap_tenths : how many users' overlap lies in each tenth from 0 to 1.
    gaining, losing : the videos that take more, and fewer, list places in B; the largest change first.
    genres : the largest share in A or B first; None when no listed video has a genre in the catalogue.
    lost, gained : users who have a list in A only, and in B only.
    reliability : as `models.evaluation.reliability` defines it, of A and of B.
    samples : users from the one whose list changes most to the one whose changes least.
    """

    region: str
    versions: tuple[str, str]
    k: int
    users: int
    comparison: Comparison
    overlap_tenths: tuple[int, ...]
    gaining: tuple[MovedVideo, ...]
    losing: tuple[MovedVideo, ...]
    genres: tuple[GenreShare, ...] | None
    lost: SomeUsers
    gained: SomeUsers
    reliability: tuple[tuple[Reliability, ...], tuple[Reliability, ...]]
    samples: tuple[UserSample, ...]
