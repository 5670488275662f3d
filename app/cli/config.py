"""``nearline config``: what is in force and where it comes from."""

from typing import Any

import typer

from app.cli.context import JsonOption, effective_settings
from app.cli.output import show_json, show_rows

verbs = typer.Typer(no_args_is_help=True, help="The settings.")


@verbs.callback()
def _group() -> None:
    """Keep `show` a verb of its own, although it is the only one."""


@verbs.command()
def show(context: typer.Context, json: JsonOption = False) -> None:
    """Print every setting with its effective value and what gave it: default, file, secret or env.

    Secrets are masked. Unknown names and values that are not allowed end it with status 2.
    """
    rows = list(effective_settings(context).rows())
    if json:
        show_json({field.name: {"value": value, "origin": origin} for field, value, origin in rows})
    else:
        headings = ("setting", "value", "from", "environment", "meaning")
        show_rows(
            headings,
            [(field.name, _text(value), origin, field.variable, field.description) for field, value, origin in rows],
        )


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
