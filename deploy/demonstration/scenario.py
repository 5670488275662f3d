"""What happens while the workers run, in order, and what it comes to."""

import asyncio
from dataclasses import dataclass
from typing import Any

from app.offline.data.histories import Population
from deploy.data import Dataset
from deploy.demonstration import quality, steps
from deploy.demonstration.deployment import Deployment
from deploy.demonstration.feed import Feed
from deploy.demonstration.latency import percentile
from deploy.demonstration.parity import Parity
from deploy.demonstration.person import choose_event
from deploy.demonstration.processes import Workers
from deploy.demonstration.replay import Replayed
from deploy.demonstration.terminal import Terminal
from deploy.demonstration.view import Counts, open_view
from models.factorization.factor_model import FactorModel
from models.feedback.events import Rate


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured.

    Attributes
    ----------
    replayed : of the two replays.
    visible_ms : for each event that was sent alone, how long it took to be seen.
    counts : of all workers, in the end.
    parity, answers : of `parity.compare` and `app.offline.training.evaluate`.
    """

    replayed: Replayed
    visible_ms: list[float]
    counts: Counts
    parity: Parity
    answers: dict[str, Any]


def run_scenario(
    deployment: Deployment, workers: Workers, model: FactorModel, dataset: Dataset, feed: Feed, terminal: Terminal
) -> Outcome:
    """Play every act that needs workers."""
    steps.await_workers(workers, terminal)
    terminal.heading("Every rating through Kafka, as fast as it takes them")
    replayed = asyncio.run(steps.replay_all(deployment, feed, workers, terminal))
    asyncio.run(steps.show_letters(deployment, terminal))
    past = Population(deployment.settings.users.history_limit).add(feed.past)
    now = Population(past.history_limit, dict(past.histories)).add(feed.replayed)
    visible = _one_by_one(deployment, workers, model, dataset, feed, now, terminal)
    terminal.heading("Offline = nearline")
    parity = asyncio.run(steps.check_parity(model, now.add(feed.held), workers, terminal))
    terminal.heading("Who finds what people liked next")
    with terminal.progress("asking the rankings", len(feed.later)) as update:
        answers = quality.measure(model, past, feed.later, update)
    quality.show_table(terminal, answers)
    return Outcome(replayed, visible, asyncio.run(_counts(workers)), parity, answers)


def _one_by_one(
    deployment: Deployment,
    workers: Workers,
    model: FactorModel,
    dataset: Dataset,
    feed: Feed,
    now: Population,
    terminal: Terminal,
) -> list[float]:
    """Send the events that were held back, a telling one first."""
    visible: list[float] = []
    held: list[Rate] = list(feed.held)
    chosen = choose_event(model, now, held)
    if chosen is not None:
        held.remove(chosen)
        titles = {entry.video_id: entry.title for entry in dataset.catalogue}
        terminal.heading("One person, before and after")
        visible.append(asyncio.run(steps.show_person(deployment, chosen, titles, workers, terminal)))
    terminal.heading(f"How soon does an event show? {len(held)} more, of as many people, one by one")
    visible += asyncio.run(steps.measure_latency(deployment, held, workers, terminal))
    terminal.line(
        f"From Kafka's acknowledgement to the list of any worker: {percentile(visible, 0.5):.0f} ms (median), "
        f"{percentile(visible, 0.99):.0f} ms (99 of 100), {max(visible):.0f} ms (the slowest)."
    )
    return visible


async def _counts(workers: Workers) -> Counts:
    async with open_view(workers.urls) as view:
        return await view.counts()
