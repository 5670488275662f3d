import json
from pathlib import Path

import pytest

from app.settings.fields import setting_fields
from tests.app.cli.running import Run


def test_show_tells_values_and_origins(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[users]\nhistory_limit = 7\n")
    result = run("--config", "mine.toml", "config", "show", "--json", NEARLINE_HTTP__PORT="81")
    assert result.exit_code == 0
    shown = json.loads(result.stdout)
    assert shown.keys() == setting_fields().keys()
    assert shown["http.port"] == {"value": 81, "origin": "env NEARLINE_HTTP__PORT"}
    assert shown["users.history_limit"] == {"value": 7, "origin": "file mine.toml"}
    assert shown["app_id"] == {"value": "nearline", "origin": "default"}
    assert shown["data_dir"]["value"] == ".nearline/data"


def test_show_has_one_line_for_each_setting(run: Run) -> None:
    lines = run("config", "show").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == list(setting_fields())


@pytest.mark.parametrize("flag", [[], ["--json"]], ids=["text", "json"])
def test_show_masks_secrets(run: Run, flag: list[str]) -> None:
    result = run(
        "config",
        "show",
        *flag,
        NEARLINE_MODELS__SIGNING_KEY="hush-hush",
        NEARLINE_HTTP__READ_KEYS="hush-hush,hush-hush",
    )
    assert result.exit_code == 0
    assert "hush" not in result.output
    assert result.stdout.count("********") == 3


@pytest.mark.parametrize(
    ("toml", "environ", "name"),
    [
        ("", {"NEARLINE_TYPO": "1"}, "NEARLINE_TYPO"),
        ("", {"NEARLINE_HTTP__TYPO": "1"}, "NEARLINE_HTTP__TYPO"),
        ("typo = 1", {}, "typo"),
        ("[http]\ntypo = 1", {}, "http.typo"),
    ],
)
def test_an_unknown_setting_ends_with_2_and_is_named(
    run: Run, tmp_path: Path, toml: str, environ: dict[str, str], name: str
) -> None:
    (tmp_path / "mine.toml").write_text(toml)
    result = run("--config", "mine.toml", "config", "show", **environ)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"nearline: unknown setting {name} in ")
    assert result.stderr.count("\n") == 1


def test_every_verb_refuses_unknown_settings(run: Run) -> None:
    for verb in (["topics", "check"], ["models"], ["worker"], ["query", "u"], ["train", "--events", "none"]):
        result = run(*verb, NEARLINE_TYPO="1")
        assert result.exit_code == 2, verb
        assert "NEARLINE_TYPO" in result.stderr


def test_a_store_url_with_keys_ends_with_2_and_shows_none(run: Run) -> None:
    result = run("train", "--events", "none.jsonl", NEARLINE_STORE="s3://hush:hush@bucket/models")
    assert result.exit_code == 2
    assert result.stderr.startswith("nearline: store='s3://********@bucket/models' (env NEARLINE_STORE) is refused: ")
    assert "AWS_ACCESS_KEY_ID" in result.stderr
    assert "hush" not in result.output
