"""Torn and rotten folders on a real RocksDB: never an error at opening, never a row that is not of the changelog."""

import errno
import os
import random
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tables.applied_offset import APPLIED_OFFSET, CHANGELOG_OFFSET_KEY, HIGHEST_APPLIED_OFFSET_KEY
from tables.batch_table import BatchTable
from tables.data_folder import partition_folder
from tables.errors import DiskFailed, NewerFormat, OutOfFiles, PartitionCorrupt, PartitionError, PartitionLocked
from tables.extent import LANDED_KEY
from tables.intrusions import INTRUSIONS_KEY
from tables.partition_folders import condemn, condemned, folders_aside, partition_error, set_aside
from tables.position import POSITION_KEY, Position
from tests.support.partition_folders import CHANGELOG, Heard, close_table, fill, held_at, open_table, replay, stored
from tests.support.torn_files import HARMLESS, OLDER, SET_ASIDE, Tear, flip, flip_rows, newest

Opened = Callable[[Path], tuple[BatchTable, Heard]]


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with everything in it, never to be changed."""
    folder = tmp_path_factory.mktemp("whole")
    fill(folder)
    return folder


@pytest.fixture
def data(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "data"))


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Open tables that are closed when the test ends."""
    made: list[BatchTable] = []

    def open_one(data: Path) -> tuple[BatchTable, Heard]:
        table, heard = open_table(data)
        made.append(table)
        return table, heard

    yield open_one
    for table in made:
        close_table(table)


def folder_of(data: Path) -> Path:
    """Return the folder of partition 0."""
    return data / "v1" / "tables" / "users-0.db"


def check_rebuilt(table: BatchTable) -> None:
    """Check that the partition holds what the changelog up to its own offset comes to, and then all of it."""
    assert stored(table) == held_at(table.changelog_offset(0))
    replay(table)
    assert stored(table) == held_at(len(CHANGELOG) - 1)


def check_next_opening_rebuilds(data: Path, opened: Opened) -> None:
    """Check that a condemned folder, as a process that left finds it again, is replaced."""
    again = Path(shutil.copytree(data, data.with_name("data of the next start")))
    table, heard = opened(again)
    assert len(heard.aside) == 1
    assert condemned(folder_of(again)) is None
    check_rebuilt(table)


def test_a_whole_folder_is_left_alone(data: Path, opened: Opened) -> None:
    table, heard = opened(data)
    assert table.changelog_offset(0) == len(CHANGELOG) - 1
    assert stored(table) == held_at(len(CHANGELOG) - 1)
    assert heard.aside == []
    assert folders_aside(folder_of(data)) == []


@pytest.mark.parametrize("tear", [pytest.param(tear, id=name) for name, tear in SET_ASIDE.items()])
def test_a_folder_that_does_not_open_is_set_aside_and_rebuilt(data: Path, opened: Opened, tear: Tear) -> None:
    tear(folder_of(data))
    table, heard = opened(data)
    (aside,) = heard.aside
    assert aside.kept is not None
    assert aside.kept.exists()
    assert aside.kept.name.startswith("users-0.db.bad-2")
    assert "users-0.db" in aside.found
    assert table.changelog_offset(0) == -1
    check_rebuilt(table)
    assert heard.errors == []


@pytest.mark.parametrize("tear", [pytest.param(tear, id=name) for name, tear in OLDER.items()])
def test_a_folder_that_opens_with_an_older_state_goes_on_from_it(data: Path, opened: Opened, tear: Tear) -> None:
    tear(folder_of(data))
    table, heard = opened(data)
    assert table.changelog_offset(0) < len(CHANGELOG) - 1, "the tear did nothing"
    check_rebuilt(table)
    assert not heard.aside
    assert not heard.errors


@pytest.mark.parametrize("tear", [pytest.param(tear, id=name) for name, tear in HARMLESS.items()])
def test_what_rocksdb_does_not_need_may_be_gone(data: Path, opened: Opened, tear: Tear) -> None:
    tear(folder_of(data))
    table, heard = opened(data)
    assert stored(table) == held_at(len(CHANGELOG) - 1)
    assert not heard.aside
    assert not heard.errors


FLIPS = 25
USERS_KEYS = [key for key in held_at(len(CHANGELOG) - 1) if key.startswith(b"u")]


def read_all(table: BatchTable) -> int:
    """Check every row, a few at a time; returns in how many steps."""
    key: bytes | None = b""
    steps = 0
    while key is not None:
        key = table.check_rows(0, key, 100)
        steps += 1
    return steps


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda table: list(table.scan(0, b"u")), id="scan"),
        pytest.param(read_all, id="check"),
        pytest.param(lambda table: [table.read(0, key) for key in USERS_KEYS], id="get"),
        pytest.param(lambda table: table.read_many(0, USERS_KEYS), id="get many"),
    ],
)
def test_a_rotten_row_is_an_error_for_whoever_reads_it_and_the_next_opening_starts_again(
    data: Path, opened: Opened, read: Callable[[BatchTable], object]
) -> None:
    flip_rows(folder_of(data))
    table, heard = opened(data)
    with pytest.raises(PartitionCorrupt, match=r"users-0\.db: .*checksum mismatch"):
        read(table)
    assert [type(error) for error in heard.errors] == [PartitionCorrupt]
    assert "checksum mismatch" in (condemned(folder_of(data)) or "")
    check_next_opening_rebuilds(data, opened)


def test_a_check_of_whole_rows_comes_to_the_end(data: Path, opened: Opened) -> None:
    table, heard = opened(data)
    rows = len(held_at(len(CHANGELOG) - 1))
    assert read_all(table) >= rows // 100
    assert heard.errors == []


def test_a_merge_over_a_rotten_row_lets_no_write_succeed(data: Path, opened: Opened) -> None:
    flip_rows(folder_of(data))
    table, heard = opened(data)
    database = table.database(0)
    assert database is not None
    database.compact_range(None, None)  # does not say that it failed
    with pytest.raises(PartitionCorrupt):
        table.commit(0, {b"u1": APPLIED_OFFSET.pack(1)}, len(CHANGELOG))
    assert condemned(folder_of(data)) is not None
    assert len(heard.errors) == 1
    check_next_opening_rebuilds(data, opened)


def test_whatever_bit_flips_no_row_is_another_or_missing(whole: Path, tmp_path: Path) -> None:
    """Each file, at many places: the rows are those of an offset of the changelog, or an error says that they are not.

    After the error the next opening starts again.
    """
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")  # noqa: T201 - to replay a failure
    chance = random.Random(seed)
    files = [path for path in folder_of(whole).iterdir() if path.stat().st_size and not path.name.startswith("LOG")]
    noticed = 0
    for number in range(FLIPS):
        data = Path(shutil.copytree(whole, tmp_path / str(number)))
        file = folder_of(data) / chance.choice(files).name
        at = chance.randrange(file.stat().st_size)
        flip(file, at)
        table, heard = open_table(data)
        try:
            assert stored(table) == held_at(table.changelog_offset(0)), f"{file.name} at {at}"
        except PartitionCorrupt:
            close_table(table)
            table, heard = open_table(data)
            assert len(heard.aside) == 1
            assert stored(table) == {}
        noticed += len(heard.aside)
        replay(table)
        assert stored(table) == held_at(len(CHANGELOG) - 1), f"{file.name} at {at}"
        close_table(table)
        shutil.rmtree(data)
    assert noticed, "no flip did anything"


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda database: database.delete(CHANGELOG_OFFSET_KEY), "rows without the offset of the changelog"),
        (lambda database: database.put(CHANGELOG_OFFSET_KEY, b"many"), "in the place of a changelog offset"),
        (lambda database: database.put(b"\0source-position", b"?"), "source position of 1 bytes"),
        (lambda database: database.delete_range(b"", b"\xff") or database.put(CHANGELOG_OFFSET_KEY, b"9"), "not a row"),
    ],
)
def test_a_database_that_lacks_what_every_commit_writes_is_not_believed(
    data: Path, opened: Opened, break_it: Callable[[object], object], words: str
) -> None:
    table, _ = opened(data)
    break_it(table.database(0))
    close_table(table)
    table, heard = opened(data)
    (aside,) = heard.aside
    assert words in aside.found
    check_rebuilt(table)


@pytest.mark.parametrize(("hours", "believed"), [(22, True), (24, False)])
def test_a_database_that_was_away_for_a_day_is_not_believed(
    data: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch, hours: int, believed: bool
) -> None:
    table, _ = opened(data)
    table.note_current([0, 1])
    close_table(table)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + hours * 3600)
    table, heard = opened(data)
    assert len(heard.aside) == (not believed)
    if not believed:
        assert "it last had all of the changelog 24 hours ago" in heard.aside[0].found
    check_rebuilt(table)


@pytest.mark.parametrize(("minutes", "believed"), [(4, True), (60, False), (48 * 60, False)])
def test_a_database_that_was_current_by_a_clock_that_was_ahead_is_not_believed(
    data: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch, minutes: int, believed: bool
) -> None:
    """Nobody knows how long ago that was, and by such a clock it would be believed for ever."""
    table, _ = opened(data)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + minutes * 60)
    table.note_current([0, 1])
    close_table(table)
    monkeypatch.setattr(time, "time", lambda: now)
    table, heard = opened(data)
    assert len(heard.aside) == (not believed)
    if not believed:
        assert f"{minutes / 60:.1f} hours ahead of this clock" in heard.aside[0].found
    check_rebuilt(table)


@pytest.mark.parametrize(
    ("key", "row"),
    [
        (LANDED_KEY, b"abc"),
        (INTRUSIONS_KEY, b"abc"),
        (INTRUSIONS_KEY, bytes(16)),
        (INTRUSIONS_KEY, b"\xff" * 16),
        (HIGHEST_APPLIED_OFFSET_KEY, b"abc"),
        (POSITION_KEY, b"abc"),
        (POSITION_KEY, bytes(20)),
    ],
)
def test_a_database_whose_own_rows_cannot_be_read_is_rebuilt(
    data: Path, opened: Opened, key: bytes, row: bytes
) -> None:
    table, _ = opened(data)
    table.commit(0, {key: row}, len(CHANGELOG) - 1)
    close_table(table)
    table, heard = opened(data)
    assert [found.kept is not None for found in heard.aside] == [True]
    assert stored(table) == {}
    replay(table)
    assert stored(table) == held_at(len(CHANGELOG) - 1)


def test_a_position_of_a_later_release_is_no_reason_to_set_a_folder_aside(data: Path, opened: Opened) -> None:
    table, _ = opened(data)
    later = Position(30_000, 1).encode()[:8] + bytes([3, 4, 5, 6]) + bytes(8)
    table.commit(0, {POSITION_KEY: later}, len(CHANGELOG) - 1)
    close_table(table)
    with pytest.raises(NewerFormat, match=r"users-0.db: source position of format 3, written by release 4\.5\.6"):
        opened(data)
    folder = partition_folder(data, 0)
    assert folder.exists()
    assert folders_aside(folder) == []


def test_one_folder_is_kept_of_each_partition(data: Path) -> None:
    folder = folder_of(data)
    other = folder.with_name("users-1.db")
    other.mkdir()
    kept_of_other = set_aside(other)
    for _ in range(3):
        last = set_aside(folder)
        folder.mkdir()
    assert folders_aside(folder) == [last]
    assert folders_aside(other) == [kept_of_other]


def test_what_was_just_set_aside_stays_when_others_are_dated_later_and_strangers_are_not_touched(data: Path) -> None:
    folder = folder_of(data)
    dated_later = folder.with_name("users-0.db.bad-20990101T000000.000000Z-000003")
    without_number = folder.with_name("users-0.db.bad-20990101T000000.000000Z")
    strangers = [folder.with_name(f"users-0.db.bad-{name}") for name in ("latest", "for-support", "2026")]
    for made in (dated_later, without_number, *strangers):
        made.mkdir()
    kept = set_aside(folder)
    assert kept is not None
    assert folders_aside(folder) == [kept]
    assert (kept / "CURRENT").exists()
    assert all(stranger.is_dir() for stranger in strangers)


def test_a_start_that_ended_in_the_middle_of_setting_aside_is_finished(data: Path, opened: Opened) -> None:
    folder = folder_of(data)
    condemn(folder, "found in a test")
    folder.rename(folder.with_name("users-0.db.bad-20260101T000000.000000Z"))  # and then the power went
    table, heard = opened(data)
    (aside,) = heard.aside
    assert aside.kept is None
    assert aside.found == "found in a test"
    check_rebuilt(table)
    close_table(table)
    assert opened(data)[1].aside == [], "the fresh database is not condemned"


def test_a_rotten_folder_stays_condemned_until_it_is_away(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(data)
    condemn(folder, "found in a test")

    def power_cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", power_cut)
        with pytest.raises(KeyboardInterrupt):
            set_aside(folder)
    assert folder.is_dir()
    assert condemned(folder) == "found in a test"
    assert set_aside(folder) is not None
    assert condemned(folder) is None


def test_a_folder_that_is_open_elsewhere_stays_where_it_is(data: Path, opened: Opened) -> None:
    table, _ = opened(data)
    with pytest.raises(PartitionLocked, match="lock"):
        open_table(data)
    assert stored(table) == held_at(len(CHANGELOG) - 1)
    assert folders_aside(folder_of(data)) == []


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Corruption: block checksum mismatch: stored = 1, computed = 2", PartitionCorrupt),
        ("IO error: No such file or directory: While opening a file: MANIFEST-9", PartitionCorrupt),
        ("Corruption: Corruption: IO error: No such file or directory: 000010.sst", PartitionCorrupt),
        ("Corruption: Corruption: IO error: Too many open files: 000010.sst", OutOfFiles),
        ("IO error: Too many open files in system: While open a file for random read: 000010.sst", OutOfFiles),
        ("IO error: While open a file for lock: LOCK: Too many open files", OutOfFiles),
        ("Too many open files (os error 24)", OutOfFiles),
        ("IO error: No space left on device: While appending to file: 000010.sst", DiskFailed),
        ("IO error: Input/output error: While pread", DiskFailed),
        ("IO error: File too large: While appending to file", DiskFailed),
        ("IO error: While open a file for lock: LOCK: Permission denied", DiskFailed),
        ("No space left on device (os error 28)", DiskFailed),
        ("File exists (os error 17)", PartitionCorrupt),
        ("IO error: lock hold by current process, acquire time 1: LOCK: No locks available", PartitionLocked),
        ("IO error: While lock file: LOCK: Resource temporarily unavailable", PartitionLocked),
        ("Invalid argument: something else", PartitionError),
    ],
)
def test_a_failing_disk_is_told_from_rot(text: str, meant: type[PartitionError]) -> None:
    found = partition_error(Path("users-3.db"), Exception(text))
    assert type(found) is meant
    assert str(found) == f"users-3.db: {text}"


def test_a_full_disk_found_by_python_is_no_rot() -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert type(partition_error(Path("users-3.db"), full)) is DiskFailed


def test_a_process_that_is_out_of_files_says_so_and_sets_nothing_aside(data: Path, opened: Opened) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    least = len(list(Path("/proc/self/fd").iterdir()))
    for spare in range(6):  # it runs out at the lock, the log, the manifest, the tables
        resource.setrlimit(resource.RLIMIT_NOFILE, (least + spare, hard))
        try:
            with pytest.raises(OutOfFiles, match="Too many open files"):
                opened(data)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert folders_aside(folder_of(data)) == []
    table, heard = opened(data)
    assert heard.aside == []
    check_rebuilt(table)


def test_rot_of_the_newest_file_alone_loses_nothing_of_the_others(data: Path, opened: Opened) -> None:
    newest(folder_of(data)).unlink()
    table, heard = opened(data)
    assert heard.aside[0].kept is not None
    assert len(list(heard.aside[0].kept.glob("*.sst"))) == 2, "the folder is kept as it was found"
    check_rebuilt(table)


def test_a_disk_that_does_not_take_more_condemns_nothing(data: Path, opened: Opened) -> None:
    table, heard = opened(data)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        rows: dict[bytes, bytes | None] = {
            b"v%06d" % number: APPLIED_OFFSET.pack(40_000) + os.urandom(500) for number in range(1000)
        }
        table.commit(0, rows, len(CHANGELOG))
        database = table.database(0)
        assert database is not None
        with pytest.raises(Exception, match="File too large"):
            database.flush()
        with pytest.raises(DiskFailed, match="File too large"):
            table.commit(0, rows, len(CHANGELOG) + 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [type(error) for error in heard.errors] == [DiskFailed]
    assert condemned(folder_of(data)) is None
    again, heard = opened(Path(shutil.copytree(data, data.with_name("data of the next start"))))
    assert heard.aside == []
    check_rebuilt(again)
