"""``nearline compare``: what users would see of one version and of another."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.context import JsonOption, RegionOption, quiet_settings
from app.cli.output import show_json, show_line, show_rows
from models.names import GLOBAL_REGION

if TYPE_CHECKING:
    from app.offline.comparison.report import Report


def compare(
    context: typer.Context,
    a: Annotated[str, typer.Argument(help="A version in the model store, such as the one that serves.")],
    b: Annotated[str, typer.Argument(help="Another of the same region, such as a candidate.")],
    events: Annotated[str, typer.Option(metavar="FILE", help="JSON lines, also .gz; - for standard input.")],
    region: RegionOption = GLOBAL_REGION,
    catalogue: Annotated[
        str | None, typer.Option(metavar="FILE", help="Titles and genres: JSON lines, each with its video_id.")
    ] = None,
    sample: Annotated[int, typer.Option(min=1, help="Users to compare, at random.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the choice of users.")] = 0,
    k: Annotated[int, typer.Option(min=1, max=200, help="Places of a list.")] = 20,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Write a page with plots, too.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Give the users of some events the lists of versions A and B, and tell what changes for them.

    Lines that are no events are counted and left out. A pair is [A, B] in JSON.
    """
    import time

    import msgspec

    from app.offline.comparison.compare import compare_versions
    from app.offline.data.catalogue_file import decode_catalogue
    from app.offline.data.events_file import Tally, decode_lines, read_lines
    from app.offline.data.histories import Population
    from app.publishing.model_fetch import artifact_limits, signing_key
    from app.publishing.model_store import ModelStore
    from models.artifacts.artifact import read_artifact

    if html is not None:
        _check_plots()
    settings = quiet_settings(context).settings
    store, limits, key = ModelStore(settings.store), artifact_limits(settings), signing_key(settings)
    first, second = (
        read_artifact(store, region, version, digest=None, limits=limits, verify_key=key) for version in (a, b)
    )
    entries = decode_catalogue(read_lines(catalogue)) if catalogue is not None else {}
    tally = Tally()
    population = Population(settings.users.history_limit).add(decode_lines(read_lines(events), time.time(), tally))
    report = compare_versions(first, second, population.of_model(region), entries, k=k, sample=sample, seed=seed)
    if html is not None:
        _write_page(report, html)
    if json:
        show_json({**msgspec.to_builtins(report), "rejected": dict(tally.rejected)})
        return
    if tally.rejected:
        typer.echo(f"{tally.rejected.total()} lines left out ({dict(tally.rejected)})", err=True)
    _show(report)


def _show(report: "Report") -> None:
    from app.offline.comparison.tables import chapters_of, shown

    show_line(f"{report.region}: A is {report.versions[0]}, B is {report.versions[1]}")
    for table in (table for chapter in chapters_of(report) for table in chapter.tables):
        typer.echo()
        show_line(f"{table.title}. {table.caption}")
        show_rows(table.headings, [[shown(cell) for cell in row] for row in table.rows])


def _write_page(report: "Report", path: Path) -> None:
    from app.offline.comparison.page import page_of

    path.write_text(page_of(report), encoding="utf-8")


def _check_plots() -> None:
    from importlib.util import find_spec

    from app.errors import JobFailed

    if find_spec("matplotlib") is None:
        raise JobFailed(
            "--html draws with matplotlib, which is not installed: install the extra `train`, or leave it out"
        )
