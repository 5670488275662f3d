"""What the verbs have in common: their options, the settings, and the classes that turn errors into exit statuses."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from app.cli.failures import EXIT_INTERRUPTED, explain

if TYPE_CHECKING:
    from app.settings.sources import EffectiveSettings

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on the last line.")]
RegionOption = Annotated[str, typer.Option(help="The region whose model it is.")]


@dataclass(frozen=True, slots=True)
class GlobalOptions:
    """The options before the verb."""

    config: Path | None = None


class Verbs(TyperGroup):
    """The top group: ends with one sentence and an exit status where a verb raised an expected failure."""

    def invoke(self, ctx: Any) -> Any:
        """Run the verb."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            explained = explain(error)
            if explained is None:
                raise
            status, sentence = explained
            typer.echo(f"nearline: {sentence}", err=True)
            raise typer.Exit(status) from error


def effective_settings(context: typer.Context, options: Mapping[str, object] | None = None) -> "EffectiveSettings":
    """Read the settings, with the values that options of the verb gave; those that are None were not given."""
    from app.settings.sources import load_settings

    globals_: GlobalOptions = context.find_root().obj
    given = {name: value for name, value in (options or {}).items() if value is not None}
    return load_settings(given, config=globals_.config)


def quiet_settings(context: typer.Context) -> "EffectiveSettings":
    """Read the settings for a verb that runs once: its errors are sentences, so libraries log only what is critical."""
    import logging

    from app.logs import configure_logging

    effective = effective_settings(context)
    configure_logging(effective.settings.log, effective.secrets())
    for name in ("aiokafka", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return effective
