"""What `./deploy/bench` can be asked for."""

import argparse
import dataclasses
from collections.abc import Callable, Container, Sequence
from pathlib import Path

from tests.benchmarks import registry
from tests.benchmarks.curves import catalogue
from tests.benchmarks.sizes import FULL, QUICK, Sizes

_REPEATS, _FACTS = 5, 100


@dataclasses.dataclass(frozen=True, slots=True)
class Options:
    """The options, checked; `parser` says what each is."""

    json: bool
    repeats: int
    quick: bool
    only: tuple[str, ...] | None
    history: int
    users: int
    folder: Path | None
    save: Path | None
    saved: Path | None
    markdown: Path | None
    curves: tuple[str, ...] | None
    into: Path

    @classmethod
    def parse(cls, arguments: Sequence[str] | None) -> "Options":
        """Read a command line; ends the process with status 2 where it makes no sense."""
        found = parser().parse_args(arguments)
        found.repeats = found.repeats or (1 if found.quick else _REPEATS)
        found.users = found.users or (QUICK if found.quick else FULL).stored_users
        return cls(**vars(found))

    @property
    def sizes(self) -> Sizes:
        """How much is measured."""
        return dataclasses.replace(QUICK if self.quick else FULL, stored_users=self.users)

    def command(self) -> str:
        """Return the command that measures the same again; files and folders are left out."""
        usual = (QUICK if self.quick else FULL).stored_users
        said = [
            "--quick" if self.quick else "",
            f"--repeats {self.repeats}" if self.repeats != (1 if self.quick else _REPEATS) else "",
            f"--only {','.join(self.only)}" if self.only else "",
            f"--curves {','.join(self.curves)}" if self.curves else "",
            f"--history {self.history}" if self.history != _FACTS else "",
            f"--users {self.users}" if self.users != usual else "",
        ]
        return " ".join(["./deploy/bench", *filter(None, said)])


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="./deploy/bench",
        description="Measure Nearline beside what it is compared with, on one broker of its own.",
    )
    names = ", ".join(one.name for one in registry.MEASUREMENTS)
    made.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    made.add_argument("--repeats", type=_above(0), help="how often everything is measured (default 5; quick: 1)")
    made.add_argument("--quick", action="store_true", help="small sizes: shows that it runs, not how fast")
    made.add_argument(
        "--only", type=_names(registry.known()), metavar="NAME,...", help=f"of {names}, or of the JSON object's keys"
    )
    made.add_argument(
        "--history",
        type=_above(-1),
        default=_FACTS,
        metavar="FACTS",
        help="what each user had done before the events (default 100; 0: nobody has seen them)",
    )
    made.add_argument("--users", type=_above(0), help="most users on disk for memory and recovery (default 1,000,000)")
    made.add_argument("--folder", type=Path, help="where the temporary folder is made (5 GB)")
    made.add_argument("--save", type=Path, metavar="FILE", help="write every figure of the run into a JSON file")
    made.add_argument("--from", dest="saved", type=Path, metavar="FILE", help="measure nothing: take a saved run")
    made.add_argument("--markdown", type=Path, metavar="FILE", help="write the run's table between the file's markers")
    made.add_argument(
        "--curves",
        type=_names(catalogue.CURVES),
        nargs="?",
        const=tuple(catalogue.CURVES),
        metavar="NAME,...",
        help=f"draw scaling curves instead: {', '.join(catalogue.CURVES)} (default all)",
    )
    made.add_argument("--into", type=Path, default=Path("curves"), help="folder of the curves (default ./curves)")
    return made


def _above(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        found = int(text)
        if found <= least:
            raise argparse.ArgumentTypeError(f"{text} is not above {least}")
        return found

    return number


def _names(known: Container[str]) -> Callable[[str], tuple[str, ...]]:
    def names(text: str) -> tuple[str, ...]:
        found = tuple(text.split(","))
        if unknown := [name for name in found if name not in known]:
            raise argparse.ArgumentTypeError(f"nothing is called {', '.join(unknown)}")
        return found

    return names
