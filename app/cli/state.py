"""``nearline state``: the tables of a worker, checked, copied and restored."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.context import JsonOption, quiet_settings
from app.cli.erase import erase
from app.cli.output import show_json, show_line, show_rows
from app.cli.worker_client import ask_worker

if TYPE_CHECKING:
    from app.settings.settings import Settings
    from tables.data_folder import Mark
    from tables.partition_check import PartitionReport

_CHECKPOINT_SECONDS = 120.0

verbs = typer.Typer(no_args_is_help=True, help="The tables of a worker.")

verbs.command()(erase)

DataOption = Annotated[
    Path | None, typer.Option(help="The worker's data folder (data_dir).", file_okay=False, show_default=False)
]


@verbs.command()
def check(
    context: typer.Context,
    data_dir: DataOption = None,
    changelog: Annotated[bool, typer.Option("--changelog", help="Compare every row with the changelog, too.")] = False,
    json: JsonOption = False,
) -> None:
    """Read every row of a stopped worker's tables, its checksum included; status 1 if anything is wrong.

    Users whom a producer with another partitioner put into a partition are counted; that is nothing wrong here.
    """
    from agents.kafka.partitions import PARTITIONER_ADVICE
    from app.operations.state_check import check_state
    from app.settings.topics import connection_of, topic_names
    from tables.data_folder import lock_existing

    settings = quiet_settings(context).settings
    data = data_dir or settings.data_dir
    compared = (connection_of(settings), topic_names(settings).users_changelog) if changelog else None
    with lock_existing(data):
        reports = asyncio.run(check_state(data, _mark(settings), compared))
    if json:
        show_json({"data_dir": str(data), "partitions": [_described(report) for report in reports]})
    else:
        headings = ("partition", "rows", "unreadable", "position", "changelog", "problems", "misplaced users")
        show_rows(headings, [_row(report) for report in reports])
        for report in reports:
            for problem in report.problems:
                show_line(f"partition {report.partition}: {problem}")
        if misplaced := sum(report.misplaced for report in reports):
            show_line(f"{misplaced} users lie where murmur2 would not have put them; {PARTITIONER_ADVICE}")
    if any(report.problems for report in reports):
        raise typer.Exit(1)


@verbs.command()
def checkpoint(
    context: typer.Context,
    destination: Annotated[Path | None, typer.Argument(help="A folder that does not exist yet.")] = None,
    url: Annotated[str | None, typer.Option(help="A running worker instead.", show_default=False)] = None,
    data_dir: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Copy a stopped worker's tables to DESTINATION; on the same disk by links, which take no time and little room.

    A running worker (--url) puts the copy below its own data folder, prints where, and keeps the last two.
    """
    from app.operations.state_checkpoints import checkpoint_stopped

    settings = quiet_settings(context).settings
    if (url is None) == (destination is None):
        raise typer.BadParameter("give either DESTINATION, for a stopped worker, or --url of a running one")
    if url is not None:
        keys = [key.get_secret_value() for key in settings.http.admin_keys]
        answer = asyncio.run(
            ask_worker("POST", url, ("v1", "state:checkpoint"), keys[0] if keys else None, _CHECKPOINT_SECONDS)
        )
        _show("checkpoint", Path(answer["folder"]), answer["partitions"], json=json)
    elif destination is not None:
        partitions = checkpoint_stopped(data_dir or settings.data_dir, destination, _mark(settings))
        _show("checkpoint", destination, partitions, json=json)


@verbs.command()
def restore(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="A checkpoint.", exists=True, file_okay=False)],
    data_dir: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Fill an empty data folder from a checkpoint; the worker's start then reads only what came to the changelog since.

    Every row is checked on the way, and the checkpoint must be less than a day old. Without this a start reads the
    whole changelog, which comes to the same.
    """
    from app.operations.state_checkpoints import restore_stopped

    settings = quiet_settings(context).settings
    data = data_dir or settings.data_dir
    _show("data_dir", data, restore_stopped(source, data, _mark(settings)), json=json)


def _mark(settings: "Settings") -> "Mark":
    from tables.data_folder import Mark

    return Mark(settings.app_id, settings.topics.partitions)


def _show(what: str, folder: Path, partitions: list[int], *, json: bool) -> None:
    if json:
        show_json({what: str(folder), "partitions": partitions})
    else:
        show_line(f"{folder}: {len(partitions)} partitions")


def _described(report: "PartitionReport") -> dict[str, Any]:
    return {
        "partition": report.partition,
        "rows": report.rows,
        "unreadable": report.unreadable,
        "kept_aside": report.kept_aside,
        "next_offset": report.next_offset,
        "changelog_offset": report.changelog_offset,
        "misplaced_users": report.misplaced,
        "problems": report.problems,
        "more_problems": report.more,
    }


def _row(report: "PartitionReport") -> tuple[object, ...]:
    problems = len(report.problems) + report.more
    return (
        report.partition,
        report.rows,
        report.unreadable,
        report.next_offset,
        report.changelog_offset,
        problems or "none",
        report.misplaced,
    )
