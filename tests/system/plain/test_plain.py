"""The demonstration itself: what it counts as wrong, and that it shows it."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.system.plain.plays import USERS, VIDEOS, play, user_and_video
from tests.system.plain.report import NEARLINE, PLAIN, Outcome, as_json, objections, table
from tests.system.plain.system import Tally

ROOT = Path(__file__).parents[3]
RIGHT = Tally(sent=10, lost=0, doubled=0, starts=2)
WRONG = replace(RIGHT, lost=3)


def outcome(plain: Tally, nearline: Tally) -> Outcome:
    return {"fault": {PLAIN: plain, NEARLINE: nearline}}


@pytest.mark.parametrize("wrong", [WRONG, replace(RIGHT, doubled=1)])
def test_it_succeeds_only_when_plain_faust_did_wrong_and_nearline_did_not(wrong: Tally) -> None:
    assert list(objections(outcome(wrong, RIGHT))) == []
    assert list(objections(outcome(wrong, wrong)))
    assert list(objections(outcome(RIGHT, wrong)))
    assert list(objections(outcome(RIGHT, RIGHT)))
    assert list(objections(outcome(wrong, replace(RIGHT, sent=0))))


def test_figures_stand_side_by_side() -> None:
    shown = table(outcome(WRONG, RIGHT)).splitlines()
    assert next(line.split() for line in shown if line.strip().startswith("lost ")) == ["lost", "3", "0"]
    figures = json.loads(as_json(outcome(WRONG, RIGHT)))
    assert figures["faults"]["fault"][PLAIN] == {"sent": 10, "lost": 3, "doubled": 0, "starts": 2}


def test_each_play_is_the_only_one_of_its_user_and_video() -> None:
    plays = [play(number) for number in range(USERS * VIDEOS)]
    assert len({user_and_video(value) for _, value in plays}) == len(plays)
    assert all(key.decode() == user_and_video(value)[0] for key, value in plays)


@pytest.mark.full
@pytest.mark.kafka
def test_plain_faust_does_wrong_where_nearline_does_not() -> None:
    command = [sys.executable, "-m", "tests.system.plain", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])["faults"]
    assert sum(tallies[PLAIN]["lost"] for tallies in figures.values()) > 0, "a late acknowledgement loses events"
    assert all(tallies[NEARLINE]["lost"] == tallies[NEARLINE]["doubled"] == 0 for tallies in figures.values())
