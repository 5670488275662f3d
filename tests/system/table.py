"""The table of a run: fault, kills, lost, doubled, time to serve again; and its place in a Markdown file."""

from collections.abc import Iterable, Sequence
from statistics import median

from tests.benchmarks.report import table
from tests.system.faults import FAULTS, codes_of, legend
from tests.system.records import Record

_COUNTS = ("runs", "kills", "events", "erasures", "lost", "doubled", "come back")
HEADER = ("fault", "what", *_COUNTS, "served again after, s: median", "longest")
COLUMNS = """*Lost* and *doubled* count effects of events that are missing from the state at the end, or there twice;
*come back* counts facts of erased users that are in it all the same.
*Served again* is the time from a fault until users of all partitions get answers. The faults:"""
"""What a reader of the table must know of its columns."""
BEGIN, END = "<!-- faults: python -m tests.system writes them -->", "<!-- end of the faults -->"


def lines(records: Iterable[Record]) -> list[tuple[str, ...]]:
    """Return one line for each fault, in the order of `FAULTS`, and a last one with the sums."""
    by_fault: dict[tuple[str, str], list[Record]] = {}
    for record in sorted(records, key=_place):
        by_fault.setdefault((record.fault, record.what), []).append(record)
    every = [record for some in by_fault.values() for record in some]
    return [*(_line(fault, what, some) for (fault, what), some in by_fault.items()), _line("", "all", every)]


def markdown(records: Iterable[Record]) -> str:
    """Return the table as a Markdown file shows it: what the columns and codes mean, and then the lines."""
    known = list(records)
    told = "\n\n".join((COLUMNS, legend(record.fault for record in known)))
    return f"{told}\n\n{table(HEADER, lines(known), 'll' + 'r' * (len(HEADER) - 2))}"


def plain(records: Iterable[Record]) -> str:
    """Return the table for a terminal, with what the codes mean below it."""
    known = list(records)
    rows = [HEADER, *lines(known)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    return "\n".join((*(_padded(row, widths) for row in rows), legend(record.fault for record in known)))


def _padded(row: Sequence[str], widths: Sequence[int]) -> str:
    words = [cell.ljust(width) for cell, width in zip(row[:2], widths, strict=False)]
    numbers = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
    return "  ".join((*words, *numbers)).rstrip()


def _line(fault: str, what: str, records: Sequence[Record]) -> tuple[str, ...]:
    seconds = [second for record in records for second in record.seconds]
    counts = (
        len(records),
        sum(record.kills for record in records),
        sum(record.events for record in records),
        sum(record.erasures for record in records),
        sum(record.lost for record in records),
        sum(record.doubled for record in records),
        sum(record.returned for record in records),
    )
    times = (f"{median(seconds):.1f}", f"{max(seconds):.1f}") if seconds else ("", "")
    return (fault, what, *(f"{count:,}" for count in counts), *times)


def _place(record: Record) -> tuple[int, str, str]:
    return list(FAULTS).index(codes_of(record.fault)[0]), record.fault, record.what
