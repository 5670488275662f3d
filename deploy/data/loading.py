"""Reading the sets as they were published, each from its own format into the one form of ``dataset``."""

import csv
import gzip
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from deploy.data.dataset import CatalogueEntry, Dataset, Rating

_FOLDER = Path(__file__).parent
# A title ends with its year, or for a series with its first and last: "Death Note (2006-2007)", "Eden (2009- )".
_TITLE_AND_YEAR = re.compile(r"(?P<title>.*\S)\s*\((?P<year>\d{4})(?:\s*[-\u2013]\s*(?:\d{4})?\s*)?\)")


def load_ratings(name: str) -> Dataset:
    """Read a set: about a second; nothing is read before it is called.

    Parameters
    ----------
    name : str
        One of ``NAMES``.

    Raises
    ------
    ValueError
        If there is no such set.
    """
    if name not in _READERS:
        raise ValueError(f"no data set {name!r}: take one of {', '.join(NAMES)}")
    read_ratings, read_catalogue = _READERS[name]
    return Dataset(name, tuple(sorted(read_ratings())), tuple(read_catalogue()))


def parse_title(text: str) -> tuple[str, int | None]:
    """Split a title from the year in parentheses at its end, None where there is none.

    >>> parse_title("Toy Story (1995)"), parse_title("Babylon 5")
    (('Toy Story', 1995), ('Babylon 5', None))
    """
    found = _TITLE_AND_YEAR.fullmatch(text.strip())
    return (found["title"], int(found["year"])) if found else (text.strip(), None)


def _entry(video: str, title: str, genres: str) -> CatalogueEntry:
    known = tuple(genre for genre in genres.split("|") if genre and genre != "(no genres listed)")
    return CatalogueEntry(f"v{video}", *parse_title(title), known)


def _movielens_ratings() -> Iterator[Rating]:
    for user, video, rating, ts in _csv_rows(_FOLDER / "movielens" / "ratings.csv.gz"):
        yield Rating(int(ts), f"u{user}", f"v{video}", float(rating))


def _movielens_catalogue() -> Iterator[CatalogueEntry]:
    for video, title, genres in _csv_rows(_FOLDER / "movielens" / "movies.csv.gz"):
        yield _entry(video, title, genres)


def _movietweetings_ratings() -> Iterator[Rating]:
    """Read ratings of 0 to 10 as half stars; 0 (17 of them) becomes the least that the contract of events has."""
    with gzip.open(_FOLDER / "movietweetings" / "ratings.dat.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            user, video, rating, ts = line.rstrip("\n").split("::")
            yield Rating(int(ts), f"u{user}", f"v{video}", max(0.5, int(rating) / 2))


def _movietweetings_catalogue() -> Iterator[CatalogueEntry]:
    with (_FOLDER / "movietweetings" / "movies.dat").open(encoding="utf-8") as lines:
        for line in lines:
            video, title, genres = line.rstrip("\n").split("::")
            yield _entry(video, title, genres)


def _csv_rows(path: Path) -> Iterator[list[str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        next(rows)
        yield from rows


_Readers = tuple[Callable[[], Iterator[Rating]], Callable[[], Iterator[CatalogueEntry]]]
_READERS: dict[str, _Readers] = {
    "movielens": (_movielens_ratings, _movielens_catalogue),
    "movietweetings": (_movietweetings_ratings, _movietweetings_catalogue),
}
NAMES = tuple(_READERS)
