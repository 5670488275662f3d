"""The acts of the demonstration: each does one thing with the parts and shows it."""

import asyncio
import time
from datetime import UTC, datetime

from app.broker import producer_of
from app.offline.data.histories import Population
from app.operations.dead_letters import read_letters
from app.publishing.model_fetch import artifact_limits
from app.publishing.model_store import ModelStore
from deploy.data import Dataset
from deploy.demonstration.feed import Feed, lines_of, no_events, send_catalogue
from deploy.demonstration.latency import watch_event, watch_events
from deploy.demonstration.parity import Parity, compare
from deploy.demonstration.person import LIMIT, show_change, shown
from deploy.demonstration.processes import Workers, run_nearline
from deploy.demonstration.replay import Replayed, replay, wait_until_ready
from deploy.demonstration.screen import Screen
from deploy.demonstration.stage import Stage
from deploy.demonstration.view import open_view
from models.artifacts.artifact import read_artifact
from models.factorization.factor_model import FactorModel
from models.feedback.events import Rate
from models.names import GLOBAL_REGION


def fill_topics(stage: Stage, dataset: Dataset, screen: Screen) -> None:
    """Make the topics and send the catalogue."""
    screen.command("nearline topics create")
    created = run_nearline("topics", "create")["created"]
    titles = asyncio.run(send_catalogue(stage.connection, stage.topics.catalogue, dataset))
    screen.line(f"{len(created)} topics, {titles:,} titles in {stage.topics.catalogue}.")


def train_and_publish(stage: Stage, feed: Feed, screen: Screen) -> FactorModel:
    """Train on the past with the command line, publish, and return the model as workers read it."""
    past = stage.folder / "past.jsonl"
    past.write_bytes(b"".join(line + b"\n" for line in lines_of(feed.past)))
    screen.command(f"nearline train --events {past.name}")
    trained = run_nearline("train", "--events", str(past))
    version = trained["version"]
    screen.command(f"nearline publish {version}")
    run_nearline("publish", version)
    model = read_artifact(
        ModelStore(stage.settings.store), GLOBAL_REGION, version, digest=None, limits=artifact_limits(stage.settings)
    )
    screen.line(
        f"Learned from {trained['events']:,} events in {trained['seconds']:.1f} s: "
        f"{model.n_videos:,} videos with {model.factors.shape[1]} factors."
    )
    return model


def await_workers(workers: Workers, screen: Screen) -> None:
    """Wait until the workers are ready and share the partitions."""
    started = time.monotonic()

    async def wait() -> None:
        async with open_view(workers.urls) as view:
            await wait_until_ready(view, workers.check)

    asyncio.run(wait())
    screen.line(f"Ready after {time.monotonic() - started:.1f} s: {', '.join(workers.urls)}.")


async def replay_all(stage: Stage, feed: Feed, workers: Workers, screen: Screen) -> Replayed:
    """Replay the past, then what came later with a few records that are no events; return both together."""
    bad = no_events(datetime.now(UTC))
    async with open_view(workers.urls) as view:
        with screen.progress("the past", len(feed.past)) as update:
            past = await replay(stage, view, lines_of(feed.past), update, workers.check)
        later = feed.replayed
        with screen.progress("what came later", len(later) + len(bad)) as update:
            rest = await replay(stage, view, lines_of(later, bad), update, workers.check)
    screen.line(f"{past.per_second:,.0f} events a second, then {rest.per_second:,.0f}.")
    return Replayed(past.sent + rest.sent, past.seconds + rest.seconds, rest.counts)


async def show_letters(stage: Stage, screen: Screen) -> None:
    """Show what was rejected, and why."""
    letters = await read_letters(stage.connection, stage.topics.dead_letters, LIMIT)
    screen.line(f"{len(letters)} records were no events; they are in {stage.topics.dead_letters}, byte for byte:")
    screen.table(("reason", "what was wrong"), [(letter.reason, letter.message) for letter in letters])


async def show_person(stage: Stage, event: Rate, titles: dict[str, str], workers: Workers, screen: Screen) -> float:
    """Show a person's list before and after an event, asked of a worker that does not keep them.

    Returns
    -------
    float
        Milliseconds until the event was to be seen.
    """
    async with open_view(workers.urls) as view:
        owner = await view.owner(event.user_id)
        url = next((url for url in view.urls if url != owner), owner)
        before = shown(await view.recommendations(url, event.user_id, LIMIT))
        async with producer_of(stage.connection) as producer:
            waited = await watch_event(producer, stage.topics.member_events, view, event)
        after = shown(await view.recommendations(url, event.user_id, LIMIT))
    screen.line(f"{event.user_id} gives {event.rating:g} stars to {titles[event.video_id]}; {waited:.0f} ms later:")
    show_change(screen, before, after)
    screen.line(f"Both lists come from {url}; {event.user_id} is kept by {owner}.")
    return waited


async def measure_latency(stage: Stage, events: list[Rate], workers: Workers, screen: Screen) -> list[float]:
    """Send events one by one and return how long each took to be seen, in milliseconds."""
    async with open_view(workers.urls) as view:
        with screen.progress("events one by one", len(events)) as update:
            return await watch_events(stage, view, events, update)


async def check_parity(model: FactorModel, population: Population, workers: Workers, screen: Screen) -> Parity:
    """Compare workers' lists with those computed here."""
    async with open_view(workers.urls) as view:
        parity = await compare(view, model, population)
    screen.line(
        f"{parity.users - len(parity.mismatches)} of {parity.users} people's lists are, video by video, "
        "those that the same code computes here from the same events."
    )
    for user in parity.mismatches[:LIMIT]:
        screen.line(f"{user}'s list differs", style="bold red")
    return parity
