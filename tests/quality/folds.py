"""Strong generalisation: people whom the learner has not seen, and what they are asked.

People are dealt into `FOLDS` folds by a hash of their id. A fold's people are held out entirely: the model is learned
from all the others. A hash of the video puts four fifths of what they did into the history that they are solved from
and one fifth into the question. Both hashes are BLAKE2b's, so that every machine deals alike.

Everything that the reference needs is plain here, dictionaries of ratings; only histories are the product's.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Final, TypeAlias

from app.offline.data.histories import Population
from deploy.data import Rating, load_ratings
from deploy.demonstration.feed import event_of
from models.feedback.events import decode_event, encode_event
from models.feedback.history import EMPTY_HISTORY, History

FOLDS: Final = 5
USED: Final = {"movielens": 5, "movietweetings": 2}
"""How many of the folds are asked: as many as keep the whole below a minute."""
LIKE, DISLIKE = 4.0, 2.5
MIN_USERS_PER_VIDEO: Final = 3
HISTORY_LIMIT: Final = 5_000
"""More than anybody rated."""

_FOLD_IN: Final = 0.8
_NOW: Final = 1_800_000_000.0  # after the ratings, so that none of them is dated in the future

Stars: TypeAlias = Mapping[str, float]
"""A person's latest rating by video."""


@dataclass(frozen=True)
class Person:
    """Somebody who is held out.

    Attributes
    ----------
    known : what the person is solved from, and the same as the product's `history`.
    liked, disliked : the question, as far as enough others liked the videos.
    """

    user_id: str
    known: Stars
    history: History
    liked: tuple[str, ...]
    disliked: tuple[str, ...]


@dataclass(frozen=True)
class Fold:
    """A cut of one data set.

    Attributes
    ----------
    learned_from : what all the others did, by user, and the same as the product's `population`.
    likes : how many of them liked a video, for each that enough of them liked.
    people : those who have a question, in the order of their ids.
    """

    learned_from: Mapping[str, Stars]
    population: Population
    likes: Mapping[str, int]
    people: Sequence[Person]


@cache
def folds(name: str) -> tuple[Fold, ...]:
    """Cut a data set; see `USED` for how many folds come out."""
    ratings: dict[str, list[Rating]] = {}
    for rating in load_ratings(name).ratings:
        ratings.setdefault(rating.user_id, []).append(rating)
    return tuple(_fold(name, ratings, number) for number in range(USED[name]))


def _fold(name: str, ratings: Mapping[str, Sequence[Rating]], number: int) -> Fold:
    held_out = {user for user in ratings if int(_drawn("fold", user) * FOLDS) == number}
    others = {user: given for user, given in ratings.items() if user not in held_out}
    learned_from = {user: _stars(given) for user, given in others.items()}
    population = _population(name, (rating for given in others.values() for rating in given))
    counts = Counter(video for stars in learned_from.values() for video, star in stars.items() if star >= LIKE)
    likes = {video: count for video, count in sorted(counts.items()) if count >= MIN_USERS_PER_VIDEO}
    people = [_person(name, ratings[user], likes) for user in sorted(held_out)]
    asked = [one for one in people if one.liked and any(star >= LIKE for star in one.known.values())]
    return Fold(learned_from, population, likes, asked)


def _person(name: str, given: Sequence[Rating], likes: Mapping[str, int]) -> Person:
    user = given[0].user_id
    known = [rating for rating in given if _is_known(rating)]
    asked = _stars([rating for rating in given if rating.video_id in likes and not _is_known(rating)])
    return Person(
        user,
        _stars(known),
        _population(name, known).histories.get(user, EMPTY_HISTORY),
        tuple(video for video, star in asked.items() if star >= LIKE),
        tuple(video for video, star in asked.items() if star <= DISLIKE),
    )


def _is_known(rating: Rating) -> bool:
    return _drawn("part", rating.user_id, rating.video_id) < _FOLD_IN


def _stars(given: Sequence[Rating]) -> dict[str, float]:
    return {rating.video_id: rating.rating for rating in given}  # in the order of time: the latest stays


def _population(name: str, ratings: Iterable[Rating]) -> Population:
    """Return what a worker would know after these ratings, which come to it as records."""
    sent = ((rating.user_id.encode(), encode_event(event_of(rating, name))) for rating in ratings)
    return Population(HISTORY_LIMIT).add(decode_event(value, key, _NOW) for key, value in sent)


def _drawn(*names: str) -> float:
    """Return a number in [0, 1) that is the names' own."""
    return int.from_bytes(blake2b("/".join(names).encode(), digest_size=8).digest(), "big") / 2.0**64
