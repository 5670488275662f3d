"""What the demonstration came to, in numbers."""

from typing import Any

import msgspec

from deploy.demonstration.feed import Feed
from deploy.demonstration.latency import percentile
from deploy.demonstration.scenario import Outcome
from deploy.demonstration.terminal import Terminal


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON object of ``--json``.

    Parameters
    ----------
    events_sent : records sent to the topic of member events.
    events_applied, events_rejected : what became of them; together as many as were sent.
    users, videos : people with events, and videos that they rated.
    workers : processes.
    model_version : what they served.
    events_per_second : records done in a second while they came as fast as the broker took them.
    visible_p50_ms, visible_p99_ms : from Kafka's acknowledgement to the first list that knows the event.
    recall_at_20, ndcg_at_20 : by ranking, 0 to 1.
    parity_users, parity_mismatches : lists compared with the offline computation, and those that differ.
    seconds : from the start to this summary.
    """

    events_sent: int
    events_applied: int
    events_rejected: int
    users: int
    videos: int
    workers: int
    model_version: str
    events_per_second: float
    visible_p50_ms: float
    visible_p99_ms: float
    recall_at_20: dict[str, float]
    ndcg_at_20: dict[str, float]
    parity_users: int
    parity_mismatches: int
    seconds: float

    def problems(self) -> list[str]:
        """Return what must not be, as sentences."""
        found = []
        if self.events_sent != self.events_applied + self.events_rejected:
            found.append(
                f"{self.events_sent:,} events were sent, but {self.events_applied:,} applied "
                f"and {self.events_rejected:,} rejected"
            )
        if self.parity_mismatches:
            found.append(f"{self.parity_mismatches} of {self.parity_users} lists are not what is computed offline")
        return found

    def encode(self) -> str:
        """Return one line of JSON, with four digits after the point at most."""
        return msgspec.json.encode(_rounded(msgspec.to_builtins(self))).decode()

    def show(self, terminal: Terminal) -> None:
        """Show the numbers that people ask for."""
        terminal.heading(f"Done in {self.seconds:.0f} s")
        terminal.line(
            f"{self.events_sent:,} events sent = {self.events_applied:,} applied + {self.events_rejected:,} rejected, "
            f"{self.users:,} people, {self.videos:,} videos, {self.workers} workers."
        )
        terminal.line(
            f"{self.events_per_second:,.0f} events a second; an event shows in the list after "
            f"{self.visible_p50_ms:.0f} ms (median), {self.visible_p99_ms:.0f} ms (99 of 100)."
        )


def summary_of(outcome: Outcome, feed: Feed, version: str, workers: int, seconds: float) -> Summary:
    """Return the summary of an outcome."""
    return Summary(
        events_sent=outcome.replayed.sent + len(outcome.visible_ms),
        events_applied=outcome.counts.applied,
        events_rejected=outcome.counts.rejected.total(),
        users=feed.users,
        videos=feed.videos,
        workers=workers,
        model_version=version,
        events_per_second=outcome.replayed.per_second,
        visible_p50_ms=percentile(outcome.visible_ms, 0.5),
        visible_p99_ms=percentile(outcome.visible_ms, 0.99),
        recall_at_20=outcome.answers["recall_at_20"],
        ndcg_at_20=outcome.answers["ndcg_at_20"],
        parity_users=outcome.parity.users,
        parity_mismatches=len(outcome.parity.mismatches),
        seconds=seconds,
    )


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    return round(value, 4) if isinstance(value, float) else value
