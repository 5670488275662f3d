import pytest

from tests.app.cli.running import Run


@pytest.mark.parametrize("rate", ["0", "-1", "fast", "1/m", ""])
def test_a_wrong_rate_is_refused(run: Run, rate: str) -> None:
    result = run("events", "send", "file", f"--rate={rate}")
    assert result.exit_code == 2
    assert "is not a rate" in result.stderr


@pytest.mark.parametrize("rate", ["500", "500/s", "0.5/s"])
def test_a_rate_is_a_number_of_events_a_second(run: Run, rate: str) -> None:
    result = run("events", "send", "file", f"--rate={rate}", NEARLINE_KAFKA__BOOTSTRAP="127.0.0.1:1")
    assert result.exit_code == 1  # the rate is taken, and the broker is missing


@pytest.mark.parametrize("speed", ["0", "-1", "x"])
def test_a_wrong_speed_is_refused(run: Run, speed: str) -> None:
    assert run("events", "replay", "file", f"--speed={speed}").exit_code == 2
