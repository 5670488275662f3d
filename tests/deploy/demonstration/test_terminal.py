import pytest

from deploy.demonstration.terminal import Terminal


def test_standard_output_stays_free_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(stderr=True)
    terminal.heading("One")
    terminal.line("two")
    terminal.command("three")
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err == "\nOne\n  two\n  $ three\n"


def test_without_a_terminal_a_bar_is_four_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with Terminal(stderr=False).progress("events", 1_000) as update:
        for done in range(0, 1_001, 10):
            update(done)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" after ")[0].strip() for line in lines] == [
        f"events: {done} of 1,000" for done in ("250", "500", "750", "1,000")
    ]


def test_what_looks_like_markup_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(stderr=False)
    terminal.line("[bold]x[/bold]")
    terminal.table(("a",), [["[/]"]])
    assert "[bold]x[/bold]" in (written := capsys.readouterr().out)
    assert "[/]" in written


def test_long_lines_are_not_broken(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(stderr=False).line("word " * 100)
    assert len(capsys.readouterr().out.splitlines()) == 1
