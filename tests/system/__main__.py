"""``python -m tests.system --from FILE``: show the table of a run's records, or put it into a file."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.machine import description
from tests.benchmarks.readme_table import replaced
from tests.system.records import Book, Record
from tests.system.table import BEGIN, END, markdown, plain


def main() -> None:
    """Read records, and print or write their table."""
    parser = argparse.ArgumentParser(prog="python -m tests.system", description=__doc__)
    parser.add_argument("--from", dest="records", type=Path, required=True, help="what SYSTEM_TEST_RECORDS named")
    parser.add_argument("--markdown", type=Path, help="a file with both markers; without it the table is printed")
    chosen = parser.parse_args()
    records = Book(chosen.records).read()
    if not records:
        parser.error(f"{chosen.records} holds no records")
    if chosen.markdown is None:
        print(plain(records))  # noqa: T201 - that is what it is for
        return
    text = chosen.markdown.read_text(encoding="utf-8")
    chosen.markdown.write_text(replaced(text, section(records), BEGIN, END), encoding="utf-8")


def section(records: list[Record]) -> str:
    """Return the table with what its codes mean, and below it the command, the day and the machine."""
    return f"{markdown(records)}\n\n`./deploy/test --full` on {datetime.now(UTC):%Y-%m-%d}: {description()}."


if __name__ == "__main__":
    main()
