"""What the demonstration says at its end, for people and for programs."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from tests.system.plain.system import Tally

Outcome = Mapping[str, Mapping[str, Tally]]
"""By fault and system."""

PLAIN, NEARLINE = "plain Faust", "Nearline"
_COUNTED = """\
Each event is the only play of its user and video, and both workers keep, per user, what was played.
  lost      its offset is committed, so that nobody will read it again, and the newest row does not have it
  doubled   a row, or a count of a video's plays, has it once more than it was sent
Rows are as large as real ones (3 kB); every start is on an empty folder, as on another machine."""


def table(outcome: Outcome) -> str:
    """Return the figures side by side, and how they were counted."""
    lines = [_line("", PLAIN, NEARLINE)]
    for fault, tallies in outcome.items():
        lines += ["", fault]
        plain, nearline = asdict(tallies[PLAIN]), asdict(tallies[NEARLINE])
        lines += [_line(f"  {name}", f"{plain[name]:,}", f"{nearline[name]:,}") for name in plain]
    return "\n".join([*lines, "", _COUNTED])


def as_json(outcome: Outcome) -> str:
    """Return the figures as one JSON object on one line."""
    by_fault = {
        fault: {system: asdict(tally) for system, tally in tallies.items()} for fault, tallies in outcome.items()
    }
    return json.dumps({"faults": by_fault, "objections": list(objections(outcome))})


def objections(outcome: Outcome) -> Iterator[str]:
    """Yield why this demonstration is none: Nearline did wrong, or plain Faust did everything right."""
    for fault, tallies in outcome.items():
        ours, theirs = tallies[NEARLINE], tallies[PLAIN]
        if ours.lost or ours.doubled:
            yield f"{fault}: Nearline lost {ours.lost} and doubled {ours.doubled} of {ours.sent} events"
        if not ours.sent or not theirs.sent:
            yield f"{fault}: nothing was sent"
    if not any(tallies[PLAIN].lost or tallies[PLAIN].doubled for tallies in outcome.values()):
        yield "plain Faust did nothing wrong this time, so nothing is shown: run it again"


def _line(what: str, plain: str, nearline: str) -> str:
    return f"{what:<28}{plain:>14}{nearline:>14}"
