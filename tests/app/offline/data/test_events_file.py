import gzip
import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.errors import JobFailed
from app.offline.data.events_file import Tally, decode_lines, key_of, read_files, read_lines
from models.feedback.events import encode_event
from tests.support.tastes import two_tastes

GOOD = list(two_tastes())
LINES = [encode_event(event) for event in GOOD]
NOW = GOOD[-1].ts.timestamp()


def test_lines_come_without_their_ends_and_without_empty_ones(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"one\r\n\ntwo\n\r\n three ")
    assert list(read_lines(str(file))) == [b"one", b"two", b" three "]


def test_gzip_is_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl.gz"
    file.write_bytes(gzip.compress(b"one\ntwo"))
    assert list(read_lines(str(file))) == [b"one", b"two"]


@pytest.mark.parametrize("content", [gzip.compress(b"one\n" * 1000)[:-9], b"no gzip"], ids=["torn", "other"])
def test_a_damaged_gzip_file_is_an_os_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "events.gz"
    file.write_bytes(content)
    with pytest.raises(OSError, match=r"gzip|gzipped"):
        list(read_lines(str(file)))


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"one\ntwo\n")))
    assert list(read_lines("-")) == [b"one", b"two"]


def test_a_file_without_lines_is_not_read_into_memory(tmp_path: Path) -> None:
    file = tmp_path / "image"
    file.write_bytes(b"ok\n" + bytes(2 << 20))
    with pytest.raises(JobFailed, match="line 2 has more than"):
        list(read_lines(str(file)))


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (b'{"user_id": "u1"}', b"u1"),
        (b'{"type": "bad", "user_id": "\xc3\xa9"}', "é".encode()),
        (b'{"user_id": 1}', None),
        (b"{}", None),
        (b"[]", None),
        (b'{"user_id": "\\ud800"}', None),
        (b'{"user_id": "\xff"}', None),
        (b"\xff\x00", None),
        (b"[" * 100_000, None),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_the_key_is_the_user_id_if_there_is_one(line: bytes, key: bytes | None) -> None:
    assert key_of(line) == key


def test_good_lines_are_decoded_and_bad_ones_counted() -> None:
    tally = Tally()
    bad = [b"{", b'{"type": "play"}', b"\xff", b"x" * 20_000, b"{"]
    mixed = [line for pair in zip(LINES, [*bad, *LINES], strict=False) for line in pair]
    decoded = list(decode_lines(mixed, NOW, tally))
    assert len(decoded) == tally.accepted == len(mixed) - len(bad)
    assert tally.rejected == {"invalid_json": 2, "invalid_event": 1, "invalid_utf8": 1, "too_large": 1}


def test_events_of_the_future_are_rejected() -> None:
    tally = Tally()
    late = GOOD[0].ts.timestamp() - 24 * 3600
    assert list(decode_lines(LINES, late, tally)) == GOOD[:1]
    assert tally.rejected == {"future_ts": len(GOOD) - 1}


def test_all_bad_is_a_failure() -> None:
    with pytest.raises(JobFailed, match="none of the 2 lines is an event: invalid_json 2"):
        list(decode_lines([b"a", b"b"], NOW, Tally()))


def test_no_lines_are_no_failure() -> None:
    assert list(decode_lines([], NOW, Tally())) == []


def test_all_files_of_a_pattern_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "b.jsonl").write_bytes(b"2\n")
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b"1\n"))
    (tmp_path / "new" / "c.jsonl").write_bytes(b"3\n")
    (tmp_path / "other.txt").write_bytes(b"4\n")
    assert list(read_files(str(tmp_path / "*.jsonl*"))) == [b"1", b"2"]
    assert list(read_files(str(tmp_path / "**" / "*.jsonl*"))) == [b"1", b"2", b"3"]
    assert list(read_files(str(tmp_path / "b.jsonl"))) == [b"2"]


def test_a_name_that_looks_like_a_pattern_is_a_name(tmp_path: Path) -> None:
    (tmp_path / "a[1].jsonl").write_bytes(b"1\n")
    assert list(read_files(str(tmp_path / "a[1].jsonl"))) == [b"1"]


def test_a_pattern_without_a_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match=r"no file is named .*\*\.jsonl"):
        list(read_files(str(tmp_path / "*.jsonl")))
