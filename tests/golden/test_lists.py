import shutil
from dataclasses import replace
from itertools import pairwise
from math import isclose
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from models.feedback.confidence import KnownFacts
from models.feedback.facts import Kind
from models.inference.recommend import recommend
from tests.golden import __main__ as command
from tests.golden import lists
from tests.golden.lists import (
    PLACES,
    RELATIVE,
    Place,
    current_lists,
    differences,
    encode_lists,
    golden_histories,
    golden_model,
    read_golden,
)

ALIEN, BRAZIL, CLUE = Place("v1", "Alien", 0.5), Place("v2", "Brazil", 0.4), Place("v3", "Clue", 0.3)


def test_users_see_what_they_saw() -> None:
    changed = differences(read_golden(), current_lists())
    if changed:
        pytest.fail(
            "users would see something else; if that is meant, run `python -m tests.golden --write`:\n"
            + "\n".join(changed),
            pytrace=False,
        )


@pytest.mark.parametrize(
    ("after", "lines"),
    [
        ([ALIEN, BRAZIL], []),
        (
            [BRAZIL, ALIEN],
            [
                "ann, place 1: Alien (0.5) -> Brazil (0.4); Alien is now at place 2",
                "ann, place 2: Brazil (0.4) -> Alien (0.5); Brazil is now at place 1",
            ],
        ),
        ([ALIEN, CLUE], ["ann, place 2: Brazil (0.4) -> Clue (0.3); Brazil is gone"]),
        ([ALIEN], ["ann, place 2: Brazil (0.4) -> nothing; Brazil is gone"]),
        ([ALIEN, BRAZIL, CLUE], ["ann, place 3: nothing -> Clue (0.3)"]),
        ([ALIEN, BRAZIL._replace(score=0.41)], ["ann, place 2: Brazil, score 0.4 -> 0.41"]),
        ([ALIEN, BRAZIL._replace(title="Brasil")], ["ann, place 2: Brazil is now called Brasil"]),
        ([ALIEN, BRAZIL._replace(score=0.4 * (1 + 0.9 * RELATIVE))], []),
        ([ALIEN, BRAZIL._replace(score=0.4 * (1 + 1.1 * RELATIVE))], ["ann, place 2: Brazil, score 0.4 -> 0.400044"]),
    ],
)
def test_a_difference_names_the_place_and_what_moved(after: list[Place], lines: list[str]) -> None:
    assert differences({"ann": [ALIEN, BRAZIL]}, {"ann": after}) == lines


def test_a_list_that_comes_or_goes_is_named() -> None:
    assert differences({"ann": [ALIEN]}, {"bob": [ALIEN]}) == ["ann: the list is gone", "bob: the list is new"]


def test_a_veto_that_is_forgotten_is_told_by_title_for_whom_it_concerns() -> None:
    model = golden_model()
    rule = structs.replace(model.description.confidence, dislike_rating=0.0)
    changed = differences(
        read_golden(), current_lists(replace(model, description=structs.replace(model.description, confidence=rule)))
    )
    assert {line.partition(", ")[0] for line in changed} == {"played and vetoed"}
    assert any(line.startswith("played and vetoed, unseen, place 1: ") for line in changed)
    assert any("-> The Shining (1980) (" in line for line in changed)  # horror, as the video that was vetoed


def test_what_is_written_is_read_again() -> None:
    golden = read_golden()
    assert (lists.FOLDER / "lists.json").read_text(encoding="utf-8") == encode_lists(golden)


def test_the_command_writes_on_purpose_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "golden"
    shutil.copytree(lists.FOLDER, folder)
    golden = read_golden()
    first = next(iter(golden))
    golden[first][:2] = golden[first][1::-1]
    (folder / "lists.json").write_text(encode_lists(golden), encoding="utf-8")
    monkeypatch.setattr(lists, "FOLDER", folder)
    monkeypatch.setattr(command, "FOLDER", folder)
    assert command.main([]) == 1
    assert f"{first}, place 1: {golden[first][0].title}" in capsys.readouterr().out
    assert command.main(["--write"]) == 0
    assert capsys.readouterr().out.endswith("wrote lists.json\n")
    assert command.main([]) == 0
    assert capsys.readouterr().out == "nothing differs\n"


def test_rounding_cannot_exchange_places() -> None:
    """Scores are equal, of equal factors, or stand far apart, also from the first that is not listed."""
    model, histories = golden_model(), list(golden_histories().values())
    for include_seen in (False, True):
        for top in recommend(model, histories, PLACES + 1, include_seen=include_seen):
            for (row, score), (below, lower) in pairwise(zip(top.rows.tolist(), top.scores.tolist(), strict=True)):
                tied = np.array_equal(model.factors[row], model.factors[below])
                assert (score == lower) if tied else not isclose(score, lower, rel_tol=10 * RELATIVE)
                assert lower > 0.01


def test_the_users_stand_for_what_they_are_named_after() -> None:
    model, histories = golden_model(), golden_histories()
    indptr, rows, confidences = model.description.confidence.matrix(
        KnownFacts.of(list(histories.values()), model.index)
    )
    lengths = np.diff(indptr)
    ridges = model.solver.parameters.ridge(lengths, model.n_videos)
    precise = model.solver._needs_float64(indptr, rows, confidences, ridges)
    dual = lengths <= model.solver._dual_up_to(precise, ridges)
    names = list(histories)
    assert dual[names.index("six likes, dual")]
    assert not dual[names.index("seven likes, primal")]
    assert [name for name, wide in zip(names, precise, strict=True) if wide] == ["sixteen likes, primal in float64"]
    assert not dual[names.index("sixteen likes, primal in float64")]
    assert [name for name, length in zip(names, lengths, strict=True) if not length] == [
        "only unknown videos",
        "likes nothing",
    ]
    kinds = {int(kind) for history in histories.values() for kind in history.facts["kind"]}
    assert kinds == set(Kind)


def test_there_are_ties_seen_videos_and_empty_lists() -> None:
    golden = read_golden()
    tied = [place.title for place in golden["twins tie, unseen"] if place.score == golden["twins tie, unseen"][0].score]
    assert tied == ["Kill Bill: Vol. 1 (2003)", "Kill Bill: Vol. 2 (2004)"]
    assert golden["likes nothing, unseen"] == []
    seen = {place.video_id for place in golden["plays, all"]} - {place.video_id for place in golden["plays, unseen"]}
    assert len(seen) == 3
    assert len({name.rpartition(", ")[0] for name in golden}) == len(golden_histories())
