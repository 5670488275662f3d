"""A comparison as one page that needs nothing else: no script, no other file, light and dark.

Numbers stand in ``<data value="...">`` with all their digits, so that a program can read the page, too. Whatever came
from outside, titles, genres and ids, is escaped, and a content security policy allows no script in any case.
"""

from collections.abc import Iterator
from html import escape
from typing import Final

from app.offline.comparison.plots import COLOURS, genre_plot, overlap_plot, reliability_plot
from app.offline.comparison.report import Report
from app.offline.comparison.tables import Cell, Chapter, Table, chapters_of, shown

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE: Final = f"""
:root {{ color-scheme: light dark; --ground: #f6f7f9; --card: #fff; --ink: #16202c; --quiet: #556272; --line: #dfe4ea;
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ground: #11151a; --card: #1a2027; --ink: #e9edf2; --quiet: #a3afbd; --line: #2d3640; }}
}}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: var(--ground); color: var(--ink); }}
header, main {{ max-width: 66rem; margin: 0 auto; padding: 1.5rem clamp(1rem, 4vw, 2rem) 0; }}
main {{ display: grid; gap: 1rem; padding-bottom: 3rem; }}
h1 {{ font-size: 1.4rem; margin: 0 0 .5rem; }}
dl {{ display: grid; grid-template-columns: auto 1fr; gap: .1rem 1rem; margin: 0; }}
dt {{ font-weight: 600; }}
dt.a {{ color: {COLOURS[0]}; }}
dt.b {{ color: {COLOURS[1]}; }}
dd {{ margin: 0; overflow-wrap: anywhere; }}
section {{ background: var(--card); border: 1px solid var(--line); border-radius: .8rem; padding: 1rem 1.2rem;
  display: grid; gap: 1.5rem 2.5rem; min-width: 0; overflow-x: auto; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); }}
figure {{ margin: 0; }}
svg {{ display: block; width: 100%; height: auto; }}
svg text {{ font-family: inherit !important; }}
table {{ width: 100%; border-collapse: collapse; font-size: .9rem; }}
#users table {{ width: auto; min-width: min(26rem, 100%); justify-self: start; }}
caption {{ text-align: left; padding-bottom: .4rem; color: var(--quiet); }}
caption b {{ display: block; font-size: 1.05rem; color: var(--ink); }}
th, td {{ text-align: left; font-weight: 400; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--line);
  vertical-align: baseline; overflow-wrap: break-word; }}
thead th {{ color: var(--quiet); }}
.n {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }}
td:last-child:not(.n) {{ color: var(--quiet); }}
"""


def page_of(report: Report) -> str:
    """Return the page as HTML; the same report gives the same text."""
    first, second = map(escape, report.versions)
    plots = {"overlap": overlap_plot(report)}
    if report.genres is not None:
        plots["genres"] = genre_plot(report.genres)
    if any(report.reliability):
        plots["reliability"] = reliability_plot(report)
    sections = "\n".join(_section(chapter, plots.get(chapter.name, "")) for chapter in chapters_of(report))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(report.region)}: {first} and {second}</title>
<style>{_STYLE}</style>
</head>
<body>
<header>
<h1>What users would see: {escape(report.region)}</h1>
<dl><dt class="a">A</dt><dd>{first}</dd><dt class="b">B</dt><dd>{second}</dd></dl>
</header>
<main>
{sections}
</main>
</body>
</html>
"""


def _section(chapter: Chapter, plot: str) -> str:
    if not chapter.tables:
        return ""
    figure = f"<figure>{plot}</figure>\n" if plot else ""
    return f'<section id="{chapter.name}">\n{figure}{"".join(map(_table, chapter.tables))}</section>'


def _table(table: Table) -> str:
    numeric = [_is_numeric(table, column) for column in range(len(table.headings))]
    caption = f"<caption><b>{escape(table.title)}</b>{escape(table.caption)}</caption>"
    if not table.rows:
        return f"<table>{caption}</table>\n"
    headings = "".join(
        f'<th scope="col"{_class(number)}>{escape(heading)}</th>'
        for heading, number in zip(table.headings, numeric, strict=True)
    )
    rows = "\n".join(f"<tr>{''.join(_cells(row, numeric))}</tr>" for row in table.rows)
    return f"<table>{caption}\n<thead><tr>{headings}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>\n"


def _cells(row: tuple[Cell, ...], numeric: list[bool]) -> Iterator[str]:
    yield f'<th scope="row"{_class(numeric[0])}>{_content(row[0])}</th>'
    for cell, number in zip(row[1:], numeric[1:], strict=True):
        yield f"<td{_class(number)}>{_content(cell)}</td>"


def _content(cell: Cell) -> str:
    if isinstance(cell, int | float):
        return f'<data value="{cell!r}">{shown(cell)}</data>'
    return escape(shown(cell))


def _is_numeric(table: Table, column: int) -> bool:
    return any(isinstance(row[column], int | float) for row in table.rows)


def _class(numeric: bool) -> str:
    return ' class="n"' if numeric else ""
