"""``nearline broker`` and ``nearline demo``: verbs that live in `deploy`, which this package must not import."""

import os
import sys
from typing import Any, Final, NoReturn

import typer

PASS_ALL: Final[dict[str, Any]] = {
    "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True},
    "add_help_option": False,
}


def broker(context: typer.Context) -> None:
    """Run a local Kafka broker until Ctrl-C and print its address (--port P, --help)."""
    _become("deploy.kafka", context)


def demo(context: typer.Context) -> None:
    """Show everything on real ratings: broker, training, two workers, events (--once, --json, --help)."""
    _become("deploy.demonstration", context)


def _become(module: str, context: typer.Context) -> NoReturn:
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *context.args])  # noqa: S606 - our own interpreter
