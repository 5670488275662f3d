import pytest

from app.cli.output import plain, progress, show_json, show_rows


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Amélie 千と", "Amélie 千と"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\nb\t", "a\\nb\\t"),
        ("\u202e", "\\u202e"),
        ("", ""),
    ],
)
def test_control_characters_are_spelled_out(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_rows_are_lines_when_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows(("one", "two"), [("a\tb", None), (1, 2.5)])
    assert capsys.readouterr().out == "a\\tb\t\n1\t2.5\n"


def test_json_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"b": "x\ny", "a": 1})
    assert capsys.readouterr().out == '{"b":"x\\ny","a":1}\n'


def test_progress_is_silent_when_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("label", 3) as update:
        update(1, "words")
    assert capsys.readouterr() == ("", "")
