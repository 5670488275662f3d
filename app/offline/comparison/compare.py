"""Comparing two versions over users that a file of events describes: test with what users would see."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Final

from agents.catalogue import CatalogueEntry
from app.errors import JobFailed
from app.offline.comparison.report import (
    GenreShare,
    Listed,
    ListedVideo,
    MovedVideo,
    Report,
    SomeUsers,
    UserSample,
)
from app.offline.data.catalogue_file import title_of
from models.evaluation.held_out import hold_out
from models.evaluation.list_changes import Mover, lost_everything, movers, share_by_genre, tenths
from models.evaluation.list_comparison import Pair, UserList, compare_lists, lists_of, overlap_at
from models.evaluation.reliability import reliability_of
from models.factorization.factor_model import FactorModel
from models.feedback.history import History

MOVERS_SHOWN: Final = 10
USERS_NAMED: Final = 10
USERS_SHOWN: Final = 4


def sample_users(histories: Mapping[str, History], count: int, seed: int) -> dict[str, History]:
    """Return `count` users at random, all when there are fewer, by id; the same for the same users and seed.

    Raises
    ------
    JobFailed
        There is nobody.
    """
    if not histories:
        raise JobFailed("the events hold no user of this region: give others, or another --region")
    users = sorted(histories)
    chosen = users if count >= len(users) else sorted(Random(seed).sample(users, count))  # noqa: S311  # no secret
    return {user_id: histories[user_id] for user_id in chosen}


def compare_versions(
    first: FactorModel,
    second: FactorModel,
    histories: Mapping[str, History],
    catalogue: Mapping[str, CatalogueEntry],
    *,
    k: int,
    sample: int,
    seed: int = 0,
) -> Report:
    """Compare what the users would see of two versions, by the production path.

    Parameters
    ----------
    first, second
        A and B, of one region.
    histories
        By user id.
    catalogue
        Titles and genres by video id; may be empty.
    k
        Places of a list, at least 1.
    sample, seed
        See `sample_users`.

    Raises
    ------
    JobFailed
        There is nobody to compare them by.
    SolveFailed
        A user's normal equations are not positive definite.

    Notes
    -----
    Four times the cost of `models.inference.recommend.recommend` for the sample, and a score of every video for each
    user.
    """
    users = sample_users(histories, sample, seed)
    chosen = list(users.values())
    seen = _Seen(tuple(users), lists_of(first, chosen, k), lists_of(second, chosen, k), k, catalogue)
    moved = movers(seen.first, seen.second)
    held_out = hold_out(first, second, chosen)
    return Report(
        region=first.region,
        versions=(first.version, second.version),
        k=k,
        users=len(histories),
        comparison=compare_lists(first, second, chosen, seen.first, seen.second, k),
        overlap_tenths=tuple(tenths(seen.overlaps)),
        gaining=seen.named(one for one in moved if one.gain > 0),
        losing=seen.named(sorted((one for one in moved if one.gain < 0), key=lambda one: (one.gain, one.video))),
        genres=seen.genres(),
        lost=seen.some(lost_everything(seen.first, seen.second)),
        gained=seen.some(lost_everything(seen.second, seen.first)),
        reliability=(tuple(reliability_of(first, held_out, k)), tuple(reliability_of(second, held_out, k))),
        samples=seen.samples(),
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the users see of both versions, and how to name it."""

    users: Sequence[str]
    first: Sequence[UserList]
    second: Sequence[UserList]
    k: int
    catalogue: Mapping[str, CatalogueEntry]

    @property
    def overlaps(self) -> list[float]:
        both = zip(self.first, self.second, strict=True)
        return [overlap_at(one.videos, other.videos, self.k) for one, other in both]

    def named(self, moved: Iterable[Mover]) -> tuple[MovedVideo, ...]:
        some = islice(moved, MOVERS_SHOWN)
        return tuple(MovedVideo(one.video, self._title(one.video), one.places) for one in some)

    def genres(self) -> tuple[GenreShare, ...] | None:
        before, after = (share_by_genre(lists, self._genres) for lists in (self.first, self.second))
        shares = {genre: Pair(before.get(genre, 0.0), after.get(genre, 0.0)) for genre in before.keys() | after.keys()}
        if not shares.keys() - {None}:
            return None
        ordered = sorted(shares.items(), key=lambda one: (-max(one[1]), one[0] or ""))
        return tuple(GenreShare(genre, share) for genre, share in ordered)

    def some(self, positions: Sequence[int]) -> SomeUsers:
        return SomeUsers(len(positions), tuple(self.users[user] for user in positions[:USERS_NAMED]))

    def samples(self) -> tuple[UserSample, ...]:
        """Return users evenly spaced by how much their lists change; not those without any list."""
        overlaps = self.overlaps
        listed = [user for user in range(len(self.users)) if self.first[user].videos or self.second[user].videos]
        ordered = sorted(listed, key=lambda user: overlaps[user])
        count = min(USERS_SHOWN, len(ordered))
        chosen = [ordered[place * (len(ordered) - 1) // max(1, count - 1)] for place in range(count)]
        return tuple(
            UserSample(
                self.users[user], overlaps[user], (self._listed(self.first[user]), self._listed(self.second[user]))
            )
            for user in chosen
        )

    def _listed(self, one: UserList) -> Listed:
        places = zip(one.videos, one.scores.tolist(), strict=True)
        return tuple(ListedVideo(video, self._title(video), score) for video, score in places)

    def _title(self, video: str) -> str:
        return title_of(video, self.catalogue.get(video))

    def _genres(self, video: str) -> tuple[str, ...]:
        entry = self.catalogue.get(video)
        return entry.genres if entry else ()
