import pytest

from app.operations.sending import as_it_happened, at_once, at_rate


def at(text: str) -> bytes:
    return b'{"ts": "%s", "other": 1}' % text.encode()


def test_at_once() -> None:
    assert [at_once(number, b"") for number in range(3)] == [0.0, 0.0, 0.0]


def test_at_a_rate() -> None:
    assert [at_rate(4.0)(number, b"") for number in range(4)] == [0.0, 0.25, 0.5, 0.75]


@pytest.mark.parametrize("speed", [1.0, 60.0])
def test_as_it_happened(speed: float) -> None:
    pace = as_it_happened(speed)
    lines = [
        (b"broken", 0.0),  # before any time is known
        (at("2026-01-01T00:00:00Z"), 0.0),
        (at("2026-01-01T01:01:00+01:00"), 60.0),
        (at("2026-01-01T00:00:30Z"), 60.0),  # late: with its predecessor
        (at("2026-01-01T00:10:00"), 60.0),  # without an offset it is no time
        (b'{"ts": 5}', 60.0),
        (b"\xff", 60.0),
        (at("2026-01-01T00:02:00Z"), 120.0),
    ]
    assert [pace(number, line) for number, (line, _) in enumerate(lines)] == [due / speed for _, due in lines]


def test_each_pace_begins_anew() -> None:
    for day in ("2026-01-01", "2027-01-01"):
        assert as_it_happened(1.0)(0, at(f"{day}T00:00:00Z")) == 0.0
