"""``nearline events``: sending events of a file to their topic."""

import asyncio
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.context import JsonOption, quiet_settings
from app.cli.output import progress, show_json, show_line

if TYPE_CHECKING:
    from app.operations.sending import Pace

verbs = typer.Typer(no_args_is_help=True, help="Member events.")

FileArgument = Annotated[str, typer.Argument(metavar="FILE", help="JSON lines, also .gz; - for standard input.")]

_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/s)?")


def _rate(text: str) -> float:
    found = _RATE.fullmatch(text)
    if not found or float(found[1]) <= 0:
        raise typer.BadParameter(f"{text!r} is not a rate; write 500 or 500/s for 500 events a second")
    return float(found[1])


@verbs.command()
def send(
    context: typer.Context,
    file: FileArgument,
    rate: Annotated[float | None, typer.Option(parser=_rate, metavar="N/s", help="Events a second.")] = None,
    json: JsonOption = False,
) -> None:
    """Send the lines of FILE as they are, keyed by their user_id, and wait until the broker has them all.

    Nothing is validated here: a line that is no event goes to the dead-letter topic by way of a worker.
    """
    from app.operations.sending import at_once, at_rate

    _send(context, file, at_once if rate is None else at_rate(rate), json=json)


@verbs.command()
def replay(
    context: typer.Context,
    file: FileArgument,
    speed: Annotated[float, typer.Option(min=1e-6, help="Seconds of event time that pass in one second.")] = 1.0,
    json: JsonOption = False,
) -> None:
    """Send the lines of FILE with the pauses between them that their times (ts) have, --speed times as fast.

    The file is sent in its own order; a line dated before its predecessor follows at once. With --speed 86400 a day
    takes a second.
    """
    from app.operations.sending import as_it_happened

    _send(context, file, as_it_happened(speed), json=json)


def _send(context: typer.Context, file: str, pace: "Pace", *, json: bool) -> None:
    from app.offline.data.events_file import read_lines
    from app.operations.sending import SendReport, send_events
    from app.settings.topics import connection_of

    settings = quiet_settings(context).settings
    topic = settings.topics.member_events
    with progress(f"to {topic}") as update:
        shown: Callable[[SendReport], None] = lambda report: update(report.sent, f"{report.acknowledged} acknowledged")  # noqa: E731
        report = asyncio.run(send_events(connection_of(settings), topic, read_lines(file), pace, shown))
    if json:
        show_json({"topic": topic, "sent": report.sent, "acknowledged": report.acknowledged, "seconds": report.seconds})
    else:
        show_line(f"{topic}: {report.sent} sent, {report.acknowledged} acknowledged in {report.seconds:.1f} s")
