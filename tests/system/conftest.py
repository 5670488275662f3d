"""What every scenario gets: a cluster, a seed, a book for its record; and the table at the end of the run."""

import pytest

from tests.support.cluster.fixtures import cluster
from tests.support.cluster.proxied import proxied, proxy
from tests.system.options import chosen_seed, records_file
from tests.system.records import Book
from tests.system.table import plain

__all__ = ["cluster", "proxied", "proxy"]

_BOOK = pytest.StashKey[Book]()


@pytest.fixture(scope="session")
def book(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Book:
    """The records of this run."""
    made = Book(records_file() or tmp_path_factory.mktemp("records") / "records.jsonl")
    pytestconfig.stash[_BOOK] = made
    return made


@pytest.fixture
def seed() -> int:
    """The seed of all chances of a test; shown when it fails."""
    chosen = chosen_seed()
    print(f"SYSTEM_TEST_SEED={chosen}")  # noqa: T201 - to repeat a failure
    return chosen


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table of faults."""
    found = config.stash.get(_BOOK, None)
    records = found.read() if found else []
    if found and records:
        terminalreporter.section("faults")
        terminalreporter.write_line(plain(records))
        terminalreporter.write_line(f"python -m tests.system --markdown tests/README.md --from {found.path}")
