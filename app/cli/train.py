"""``nearline train``: from a file of events to a version in the model store."""

from typing import Annotated

import typer

from app.cli.context import JsonOption, RegionOption, quiet_settings
from app.cli.output import progress, show_json, show_line
from models.names import GLOBAL_REGION


def train(
    context: typer.Context,
    events: Annotated[str, typer.Option(metavar="FILE", help="JSON lines, also .gz; - for standard input.")],
    region: RegionOption = GLOBAL_REGION,
    factors: Annotated[int, typer.Option(min=1, max=1024, help="Numbers that describe a video (k).")] = 64,
    regularization: Annotated[float, typer.Option(min=0, help="Weight of the factors' squares.")] = 0.01,
    unobserved_weight: Annotated[float, typer.Option(min=0, help="Weight of every video a user did nothing to.")] = 0.2,
    frequency_exponent: Annotated[
        float, typer.Option(min=0, max=1, help="How the regularization grows with a user's or video's events.")
    ] = 1.0,
    iterations: Annotated[int, typer.Option(min=1, max=1000, help="Alternations between users and videos.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Of the initial factors.")] = 0,
    min_users_per_video: Annotated[int, typer.Option(min=1, help="Videos that fewer users like are left out.")] = 3,
    holdout: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of the events, the latest, that first measures the recipe.")
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
    from app.offline.training.recipe import recipe_of
    from app.offline.training.train import train as train_job
    from app.publishing.model_fetch import signing_key
    from app.publishing.model_store import ModelStore

    settings = quiet_settings(context).settings
    recipe = recipe_of(
        region,
        settings.users.history_limit,
        factors=factors,
        regularization=regularization,
        unobserved_weight=unobserved_weight,
        frequency_exponent=frequency_exponent,
        iterations=iterations,
        seed=seed,
        min_users_per_video=min_users_per_video,
    )
    tally, started = Tally(), time.monotonic()
    with progress("iterations", iterations) as update:
        manifest, metrics = train_job(
            decode_lines(read_lines(events), time.time(), tally),
            recipe,
            ModelStore(settings.store),
            datetime.now(UTC),
            code_version=code_version(),
            holdout=holdout,
            signing_key=signing_key(settings),
            progress=lambda iteration, objective: update(iteration, f"objective {objective:.6g}"),
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
