"""The README's figures: written between two markers from a run, so that nobody copies a number by hand."""

from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks.figures import Summary
from tests.benchmarks.peers import comparisons
from tests.benchmarks.record import Run
from tests.benchmarks.report import TARGETS, digits, table

BEGIN, END = "<!-- figures: ./deploy/bench --markdown writes them -->", "<!-- end of the figures -->"

ROWS = {
    "plain_faust_ratio": "events of users with {history_facts:.0f} facts, per CPU second ÷ plain Faust, one at a time",
    "plain_faust_batched_ratio": "the same ÷ plain Faust in micro-batches",
    "kernels_ratio": "the same ÷ the numeric kernels alone",
    "events_per_cpu_second": "events per CPU second of one worker",
    "events_per_second": "events per second of one worker, by the clock",
    "visible_p50_ms": "acknowledged by Kafka → visible over HTTP at half load, median, ms",
    "visible_p99_ms": "the same, 99 of 100, ms",
    "http_ratio": "stored list over HTTP ÷ an empty aiohttp handler",
    "http_requests_per_second": "stored list over HTTP, answers per second of one worker",
    "http_p50_ms": "stored list over HTTP while events stream, median, ms",
    "http_p99_ms": "stored list over HTTP while events stream, 99 of 100, ms",
    "swap_users_per_worker_second": "users re-solved after a swap, per second of one worker",
    "swap_users_per_cpu_second": "the same per CPU second",
    "swap_serving_ms": "announced → all queries on the new version, ms",
    "swap_done_seconds": "announced → {swap_users:,.0f} users re-solved, s",
    "swap_10000_done_seconds": "the same for 10,000 users, from that rate, s",
    "swap_million_done_seconds": "the same for 1,000,000 users, from that rate, s",
    "swap_queries_p99_ms": "queries while two workers re-solve, 99 of 100, ms",
    "swap_queries_p99_ratio": "the same ÷ before the swap",
    "swap_load_p99_ms": "queries while two workers re-solve and events stream at half load, 99 of 100, ms",
    "swap_load_p99_ratio": "the same ÷ before the swap",
    "solve_ratio": "user solve in a batch ÷ `implicit`'s `recalculate_user`",
    "top100_of_10000_ratio": "best 100 of 10,000 videos ÷ `implicit`'s batch",
    "top10_of_17770_ratio": "best 10 of 17,770 videos ÷ `implicit`'s batch",
    "top10_users_per_cpu_second": "exact best 10 of 17,770 × 50, users per CPU second",
    "on_demand_per_cpu_second": "exact best 10 of {on_demand_videos:,.0f} × 50 on demand, per CPU second",
    "on_demand_p50_ms": "one of these, median, ms",
    "rss_mb": "memory of a worker: {memory_videos:,.0f} videos, {stored_users:,.0f} users on disk, MB",
    "recovery_rows_per_second": "recovery from the changelog, rows per second",
    "seconds_to_take_over_with_0_standbys": "one of two workers dies with {stored_users:,.0f} users on disk: "
    "until the other runs everything, session timeout of {session_timeout_seconds:.0f} s included, s",
    "seconds_to_take_over_with_1_standbys": "the same with a standby of each partition, s",
    "cpu_us_per_event_with_0_standbys": "CPU of an event, both workers, without standbys, us",
    "cpu_us_per_event_with_1_standbys": "the same with standbys, us",
    "two_workers_ratio": "two workers ÷ one, by the clock",
    "two_workers_cpu_ratio": "CPU of an event with two workers ÷ with one",
}
"""What the README shows, in order: figure and words, which name the sizes by the figures that tell them."""


class MarkersMissing(ValueError):
    """A file does not hold both markers, in order."""


def write(path: Path, run: Run) -> None:
    """Put the figures of a run between the markers of a file; everything else in it stays as it is.

    Raises
    ------
    MarkersMissing
        The file lacks a marker.
    """
    path.write_text(replaced(path.read_text(encoding="utf-8"), section(run)), encoding="utf-8")


def replaced(text: str, inside: str, begin: str = BEGIN, end: str = END) -> str:
    """Return a text with something else between its markers."""
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise MarkersMissing(f"no {begin!r} with {end!r} after it: put both lines where the table belongs")
    return f"{before}{begin}\n\n{inside}\n\n{end}{after}"


def section(run: Run) -> str:
    """Return the tables, and below them the command, the day and the machine."""
    parts = [_figures(run.figures), _peers(run.figures)]
    times = "once" if run.repeats == 1 else f"{run.repeats} times"
    parts.append(f"`{run.command}` on {run.date}: {run.machine}; everything measured {times}, median (least - most).")
    return "\n\n".join(part for part in parts if part)


def _figures(found: Mapping[str, Summary]) -> str:
    rows = [(_words(name, found), _with_range(found[name]), TARGETS.get(name, "")) for name in ROWS if name in found]
    return table(("what", "seen", "wanted"), rows, "lll")


def _words(name: str, found: Mapping[str, Summary]) -> str:
    return ROWS[name].format_map({other: one.median for other, one in found.items()})


def _with_range(one: Summary) -> str:
    shown = digits(one.median), digits(one.min), digits(one.max)
    return shown[0] if shown[1] == shown[2] else f"{shown[0]} ({shown[1]} - {shown[2]})"


def _peers(found: Mapping[str, Summary]) -> str:
    rows = []
    for one in comparisons(found):
        other = one.published
        verdict = f"{one.ahead:.2g} × better" if one.ahead >= 1 else f"**{1 / one.ahead:.2g} × worse**"
        theirs = f"{other.peer} ({other.where})"
        rows.append((_words(other.figure, found), digits(one.ours), theirs, digits(other.value), verdict))
    return table(("beside what others published", "ours", "who", "theirs", "ours is"), rows, "lrlrl") if rows else ""
