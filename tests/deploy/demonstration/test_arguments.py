from pathlib import Path

import pytest

from deploy.demonstration.arguments import Options, parse


def test_without_options_it_is_movielens_with_two_workers_until_ctrl_c() -> None:
    assert parse([]) == Options(data="movielens", once=False, json=False, workers=2, ratings=None, keep_data=None)


def test_every_option(tmp_path: Path) -> None:
    words = f"--data movietweetings --once --json --workers 3 --ratings 900 --keep-data {tmp_path / 'new'}"
    assert parse(words.split()) == Options("movietweetings", True, True, 3, 900, tmp_path / "new")


@pytest.mark.parametrize(
    "words", ["--data netflix", "--workers 0", "--workers 9", "--ratings 499", "--ratings many", "--twice"]
)
def test_what_cannot_be_is_refused_with_status_2(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse(words.split())
    assert words.split()[0] in capsys.readouterr().err


def test_data_is_never_kept_among_other_files(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(SystemExit, match="2"):
        parse(["--keep-data", str(tmp_path)])
