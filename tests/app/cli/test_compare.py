import json
import sys
from pathlib import Path
from typing import Any

import pytest

from models.feedback.events import encode_event
from tests.app.cli.running import Run
from tests.support.html_page import Page
from tests.support.tastes import two_tastes

CATALOGUE = [
    {"video_id": f"{taste}{n}", "title": f"Title {taste}{n}", "genres": [taste]} for taste in "xy" for n in range(8)
]


@pytest.fixture(name="versions")
def two_versions(run: Run, tmp_path: Path) -> tuple[str, str]:
    """Train two versions by the real command on events that lie in the folder, beside a catalogue."""
    (tmp_path / "events.jsonl").write_bytes(b"\n".join([*map(encode_event, two_tastes()), b"{broken", b""]))
    (tmp_path / "catalogue.jsonl").write_text("\n".join(map(json.dumps, CATALOGUE)))

    def train(factors: int) -> str:
        options = "--events", "events.jsonl", "--factors", str(factors), "--iterations", "4"
        return run("train", *options).stdout.strip()

    return train(1), train(4)


def told(result: Any) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return answer


OPTIONS = ("--events", "events.jsonl", "--catalogue", "catalogue.jsonl", "--k", "5")


def test_two_versions_differ_and_the_page_says_the_same(run: Run, versions: tuple[str, str], tmp_path: Path) -> None:
    answer = told(run("compare", *versions, *OPTIONS, "--html", "page.html", "--json"))
    assert answer["versions"] == list(versions)
    assert (answer["users"], answer["comparison"]["users"], answer["k"]) == (12, 12, 5)
    assert answer["rejected"] == {"invalid_json": 1}
    assert 0 < answer["comparison"]["overlap"] < 1
    assert {one["genre"] for one in answer["genres"]} == {"x", "y"}
    assert sum(answer["overlap_tenths"]) == 12
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    changes, figures = (table.rows[1:] for table in page.tables if table.section == "summary")
    assert changes[0][1] == answer["comparison"]["overlap"]
    assert figures[0][1:3] == answer["comparison"]["coverage"]
    gaining = next(table.rows[1:] for table in page.tables if table.section == "movers")
    assert [row[:4] for row in gaining] == [[m["title"], m["video_id"], *m["places"]] for m in answer["gaining"]]


def test_a_version_does_not_differ_from_itself(run: Run, versions: tuple[str, str]) -> None:
    answer = told(run("compare", versions[1], versions[1], *OPTIONS, "--json"))
    comparison = answer["comparison"]
    assert (comparison["overlap"], comparison["rank_biased_overlap"], comparison["score_drift"]) == (1.0, 1.0, 0.0)
    assert (answer["gaining"], answer["losing"]) == ([], [])
    assert (answer["lost"]["count"], answer["gained"]["count"]) == (0, 0)
    for pair in (comparison["coverage"], comparison["popularity_share"], comparison["held_out_rank"]):
        assert pair[0] == pair[1]


def test_people_get_lines(run: Run, versions: tuple[str, str]) -> None:
    result = run("compare", *versions, *OPTIONS)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"global: A is {versions[0]}, B is {versions[1]}\n")
    assert "\noverlap at 5\t0." in result.stdout
    assert "Title x" in result.stdout
    assert result.stderr == "1 lines left out ({'invalid_json': 1})\n"


def test_without_a_catalogue_ids_stand_for_titles(run: Run, versions: tuple[str, str]) -> None:
    result = run("compare", *versions, "--events", "events.jsonl")
    assert "No genre of a listed video is known: give --catalogue with genres." in result.stdout
    assert "Title" not in result.stdout


def test_a_sample_is_seeded(run: Run, versions: tuple[str, str]) -> None:
    first, again, other = (
        told(run("compare", *versions, *OPTIONS, "--sample", "3", "--seed", seed, "--json")) for seed in "112"
    )
    assert first["comparison"]["users"] == 3
    assert first == again
    assert first != other


def test_what_is_missing_is_named(run: Run, versions: tuple[str, str]) -> None:
    result = run("compare", versions[0], "20260101T000000Z-00000000", *OPTIONS)
    assert result.exit_code == 1
    assert "20260101T000000Z-00000000/manifest.json is missing from the model store" in result.stderr
    result = run("compare", *versions, "--region", "fr", *OPTIONS)
    assert result.exit_code == 1
    assert "fr/" in result.stderr
    result = run("compare", *versions, "--events", "events.jsonl", "--catalogue", "events.jsonl")
    assert result.exit_code == 1
    assert "line 1 of the catalogue is no entry" in result.stderr


def test_a_page_without_matplotlib_is_refused_at_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run("compare", "a", "b", "--events", "none.jsonl", "--html", "page.html")
    assert result.exit_code == 1
    assert "install the extra `train`" in result.stderr
