"""The options of the demonstration."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.data import NAMES

LEAST_RATINGS = 500
MOST_WORKERS = 8


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for.

    Attributes
    ----------
    data : str
        The set of ratings, one of `deploy.data.NAMES`.
    once, json : bool
        End when everything was shown; one JSON object on the last line of standard output.
    workers : int
        Worker processes, at least 1.
    ratings : int, optional
        Only so many ratings, the first in time; None: all.
    keep_data : Path, optional
        A folder for all state, kept; None: a temporary one.
    """

    data: str = NAMES[0]
    once: bool = False
    json: bool = False
    workers: int = 2
    ratings: int | None = None
    keep_data: Path | None = None


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Return the options of a command line; leaves with status 2 and a sentence when they are wrong."""
    given = _parser().parse_args(arguments)
    return Options(given.data, given.once, given.json, given.workers, given.ratings, given.keep_data)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="deploy/demo",
        description="Start Kafka, train on real ratings, start workers, replay events, watch recommendations follow. "
        "NEARLINE_KAFKA__BOOTSTRAP names a broker to use instead of starting one; on it, all topics have a name of "
        "their own and are deleted at the end.",
    )
    parser.add_argument("--data", choices=NAMES, default=NAMES[0], help=f"the ratings (default {NAMES[0]})")
    parser.add_argument("--once", action="store_true", help="end by itself instead of serving until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line of standard output")
    parser.add_argument("--workers", type=_between(1, MOST_WORKERS), default=2, metavar="N", help="default 2")
    parser.add_argument("--ratings", type=_at_least(LEAST_RATINGS), metavar="N", help="only the first N ratings")
    parser.add_argument("--keep-data", type=_new_folder, metavar="DIR", help="keep all state in this new folder")
    return parser


class _between:  # noqa: N801 - argparse shows it as a function
    def __init__(self, least: int, most: int | None) -> None:
        self._least, self._most = least, most

    def __call__(self, text: str) -> int:
        number = int(text)
        if number < self._least or (self._most is not None and number > self._most):
            allowed = f"at least {self._least}" if self._most is None else f"{self._least} to {self._most}"
            raise argparse.ArgumentTypeError(f"{number} is not {allowed}")
        return number


def _at_least(least: int) -> _between:
    return _between(least, None)


def _new_folder(text: str) -> Path:
    folder = Path(text).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise argparse.ArgumentTypeError(f"{folder} is there and not empty: name a new folder, or empty this one")
    return folder
