"""``nearline dlq``: the events that were rejected."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.context import JsonOption, quiet_settings
from app.cli.output import show_json, show_line, show_rows

if TYPE_CHECKING:
    from app.operations.dead_letters import Letter

verbs = typer.Typer(no_args_is_help=True, help="The dead-letter topic: events that were rejected.")

LimitOption = Annotated[int, typer.Option(min=1, max=1_000_000, help="The latest so many.")]
ReasonOption = Annotated[str | None, typer.Option(help="Only those rejected for this reason.")]


@verbs.command("list")
def list_letters(
    context: typer.Context, limit: LimitOption = 100, reason: ReasonOption = None, json: JsonOption = False
) -> None:
    """List rejected events: where they lie, where they came from, why, key and size."""
    from app.operations.dead_letters import read_letters
    from app.settings.topics import connection_of, topic_names

    settings = quiet_settings(context).settings
    topic = topic_names(settings).dead_letters
    letters = asyncio.run(read_letters(connection_of(settings), topic, limit, reason))
    if json:
        show_json([_described(letter) for letter in letters])
    else:
        headings = ("letter", "source", "reason", "key", "bytes", "message")
        show_rows(headings, [_row(letter) for letter in letters])


@verbs.command()
def replay(
    context: typer.Context, limit: LimitOption = 100, reason: ReasonOption = None, json: JsonOption = False
) -> None:
    """Send rejected events once more, byte for byte, to the topic of member events.

    They stay in the dead-letter topic; what is rejected again is added there once more.
    """
    from app.operations.dead_letters import read_letters, replay_letters
    from app.settings.topics import connection_of, topic_names

    settings = quiet_settings(context).settings
    names, connection = topic_names(settings), connection_of(settings)

    async def run() -> int:
        letters = await read_letters(connection, names.dead_letters, limit, reason)
        return await replay_letters(connection, names.member_events, letters)

    replayed = asyncio.run(run())
    if json:
        show_json({"topic": names.member_events, "replayed": replayed})
    else:
        show_line(f"{names.member_events}: {replayed} events sent again")


def _described(letter: "Letter") -> dict[str, Any]:
    return {
        "partition": letter.partition,
        "offset": letter.offset,
        "source_topic": letter.source_topic,
        "source_partition": letter.source_partition,
        "source_offset": letter.source_offset,
        "reason": letter.reason,
        "message": letter.message,
        "key": _text(letter.key),
        "bytes": len(letter.value or b""),
    }


def _row(letter: "Letter") -> tuple[object, ...]:
    source = f"{letter.source_topic}/{letter.source_partition}:{letter.source_offset}"
    size = len(letter.value or b"")
    return f"{letter.partition}:{letter.offset}", source, letter.reason, _text(letter.key), size, letter.message


def _text(key: bytes | None) -> str | None:
    return None if key is None else key.decode(errors="backslashreplace")
