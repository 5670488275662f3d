"""``nearline train``: from a file of events to a version in the model store."""

from collections.abc import Mapping
from typing import Annotated

import typer

from app.cli.context import JsonOption, RegionOption, quiet_settings
from app.cli.output import progress, show_json, show_line
from app.cli.training_options import with_training_options
from models.names import GLOBAL_REGION


@with_training_options
def train(
    context: typer.Context,
    events: Annotated[str, typer.Option(metavar="FILE", help="JSON lines, also .gz; - for standard input.")],
    region: RegionOption = GLOBAL_REGION,
    *,
    chosen: Mapping[str, int | float],
    holdout: Annotated[
        float,
        typer.Option(min=0, max=0.9, help="Share of the events, the latest, that first measures the configuration."),
    ] = 0.0,
    json: JsonOption = False,
) -> None:
    """Learn a model of the events and store it as a new version; `nearline publish` makes it serve.

    Lines that are no events are counted and left out.
    """
    import time
    from datetime import UTC, datetime

    from app.offline.data.events_file import Tally, decode_lines, read_lines
    from app.offline.training.code_version import code_version
    from app.offline.training.configuration import TrainingConfiguration
    from app.offline.training.train import train as train_job
    from app.publishing.model_fetch import signing_key
    from app.publishing.model_store import ModelStore

    settings = quiet_settings(context).settings
    configuration = TrainingConfiguration.of_options(region, settings.users.history_limit, chosen)
    tally, started = Tally(), time.monotonic()
    with progress("iterations", configuration.stopping.iterations) as update:
        manifest, metrics = train_job(
            decode_lines(read_lines(events), time.time(), tally),
            configuration,
            ModelStore(settings.store),
            datetime.now(UTC),
            code_version=code_version(),
            holdout=holdout,
            signing_key=signing_key(settings),
            listeners=[lambda iteration: update(iteration.number, f"objective {iteration.objective:.6g}")],
        )
    result = {
        "region": region,
        "version": manifest.version,
        "events": tally.accepted,
        "rejected": dict(tally.rejected),
        "metrics": metrics,
        "seconds": time.monotonic() - started,
    }
    if json:
        show_json(result)
    else:
        rejected = f", {tally.rejected.total()} lines left out ({dict(tally.rejected)})" if tally.rejected else ""
        typer.echo(f"learned from {tally.accepted} events in {result['seconds']:.1f} s{rejected}", err=True)
        for name in ("recall_at_20", "ndcg_at_20"):
            for ranking, value in (metrics.get(name) or {}).items():
                typer.echo(f"{name} {ranking} {value:.4f}", err=True)
        show_line(manifest.version)
