"""What people see: headings, lines, tables, and bars that are plain lines where there is no terminal."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

Update: TypeAlias = Callable[[int], None]
"""Tells how much is done."""

_WIDTH_WITHOUT_TERMINAL = 110
_PARTS = 4


class Terminal:
    """Writes for people; never interprets what it writes as markup.

    Parameters
    ----------
    stderr : write there, and leave standard output to scripts.
    """

    def __init__(self, *, stderr: bool) -> None:
        console = Console(stderr=stderr, highlight=False)
        width = None if console.is_terminal else _WIDTH_WITHOUT_TERMINAL
        self._console = Console(stderr=stderr, highlight=False, width=width)

    def heading(self, text: str) -> None:
        """Begin a part."""
        self._console.print()
        self._console.print(Text(text, style="bold cyan"), soft_wrap=True)

    def line(self, text: str, style: str = "") -> None:
        """Write one line."""
        self._console.print(Text(f"  {text}", style=style), soft_wrap=True)

    def command(self, text: str) -> None:
        """Show a command that was run, or may be."""
        self.line(f"$ {text}", style="dim")

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[Text | str]], right: Sequence[int] = ()) -> None:
        """Write a table; the columns `right` are flush right."""
        table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
        for column, heading in enumerate(headings):
            table.add_column(heading, justify="right" if column in right else "left")
        for row in rows:
            table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
        self._console.print(Padding(table, (0, 0, 0, 2)))

    @contextmanager
    def progress(self, label: str, total: int) -> Iterator[Update]:
        """Yield a function that shows how much of `total` is done."""
        if not self._console.is_terminal:
            yield self._lines(label, total)
            return
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console) as bars:
            task = bars.add_task(label, total=total)
            yield lambda done: bars.update(task, completed=done)

    def _lines(self, label: str, total: int) -> Update:
        started, shown = time.monotonic(), 0

        def update(done: int) -> None:
            nonlocal shown
            part = _PARTS * done // max(1, total)
            if part > shown:
                shown = part
                self.line(f"{label}: {done:,} of {total:,} after {time.monotonic() - started:.1f} s")

        return update
