"""``python -m tests.mutants [NAME...]``: put each fault of the list into a copy of the checkout, and see it noticed."""

import argparse
import sys

from tests.mutants.mutant import ROOT, Mutant, mutants
from tests.mutants.run import Outcome, Verdict, copy_of, healthy, judge


def main() -> None:
    """Print a line a mutant, then those that nothing noticed; the exit status is 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=(__doc__ or "").partition(": ")[2])
    parser.add_argument("names", nargs="*", metavar="NAME", help="words of the names or files of some; all by default")
    parser.add_argument("--without-broker", action="store_true", help="leave out those whose tests need a broker")
    options = parser.parse_args()
    chosen = [
        mutant
        for mutant in mutants()
        if not (options.without_broker and mutant.broker)
        and (not options.names or any(word in f"{mutant.name} {mutant.file}" for word in options.names))
    ]
    if not chosen:
        parser.error(f"no mutant has any of these words in its name or file: {options.names}")
    sys.exit(_run(chosen))


def _run(chosen: list[Mutant]) -> int:
    with copy_of(ROOT) as copy:
        before = healthy(copy, chosen)
        if before.status != 0:
            sys.stdout.write(f"without any fault the tests do not pass, so they prove nothing:\n{before.said}\n")
            return 1
        outcomes = [_told(judge(copy, mutant)) for mutant in chosen]
    left = [outcome for outcome in outcomes if outcome.verdict is not Verdict.KILLED]
    sys.stdout.write(f"\n{len(outcomes) - len(left)} of {len(outcomes)} mutants were killed\n")
    for outcome in left:
        mutant = outcome.mutant
        sys.stdout.write(f"\n{outcome.verdict}: {mutant.name} ({mutant.file})\n  {mutant.breaks}\n")
        sys.stdout.write(f"  {outcome.said or 'not noticed by ' + ' '.join(mutant.tests)}\n")
    return 1 if left else 0


def _told(outcome: Outcome) -> Outcome:
    where = f"{outcome.mutant.name} ({outcome.mutant.file})"
    why = f": {outcome.said}" if outcome.said and outcome.verdict is Verdict.KILLED else ""
    sys.stdout.write(f"{outcome.verdict:<11} {outcome.seconds:5.0f} s  {where}{why}\n")
    sys.stdout.flush()
    return outcome


if __name__ == "__main__":
    main()
