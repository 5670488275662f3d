"""Showing results: JSON for scripts, tables and bars on a terminal, plain lines otherwise."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import typer

Update: TypeAlias = Callable[[int, str], None]
"""Tells how much is done, and a few words about it."""


def show_json(value: Any) -> None:
    """Print one line of JSON; keys in the order given."""
    import msgspec

    typer.echo(msgspec.json.encode(value).decode())


def show_line(line: str) -> None:
    """Print one line."""
    typer.echo(plain(line))


def show_rows(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table on a terminal, else lines with tabs between the cells, without the headings."""
    cells = [[plain("" if cell is None else str(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in cells:
            typer.echo("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headings, box=None, header_style="bold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def plain(text: str) -> str:
    """Return text that cannot move the cursor or break a line: what came from outside may hold control characters."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


@contextmanager
def progress(label: str, total: int | None = None) -> Iterator[Update]:
    """Yield a function that shows how far something is: a bar on a terminal, nothing otherwise.

    Parameters
    ----------
    label
        What is going on.
    total
        How much there is to do; None if nobody knows.
    """
    if not sys.stderr.isatty():
        yield lambda done, words: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[words]}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(label, total=total, words="")

        def update(done: int, words: str) -> None:
            bars.update(task, completed=done, words=words)

        yield update
