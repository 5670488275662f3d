"""The verbs that talk to Kafka, against a real broker and without a worker."""

import asyncio
import gzip
import json
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from typer.testing import CliRunner, Result

from agents.kafka.partitions import partition_of
from app.cli.root import cli
from models.feedback.events import encode_event
from models.rollout.announcement import decode_announcement
from tests.support.logging_state import restored_afterwards
from tests.support.tastes import two_tastes

PARTITIONS = 3
LINES = [encode_event(event) for event in two_tastes()]

Run = Callable[..., Result]


@pytest.fixture
def environ(kafka: str, tmp_path: Path) -> Mapping[str, str]:
    """Return settings with topics and a store of their own."""
    name = uuid.uuid4().hex[:12]
    return {
        "NEARLINE_KAFKA__BOOTSTRAP": kafka,
        "NEARLINE_APP_ID": f"app-{name}",
        "NEARLINE_TOPICS__MEMBER_EVENTS": f"events-{name}",
        "NEARLINE_TOPICS__CATALOGUE": f"catalogue-{name}",
        "NEARLINE_TOPICS__MODELS": f"models-{name}",
        "NEARLINE_TOPICS__PARTITIONS": str(PARTITIONS),
        "NEARLINE_STORE": str(tmp_path / "store"),
    }


@pytest.fixture
def run(environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    for name in [name for name in os.environ if name.startswith("NEARLINE_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str, input: bytes | None = None, **more: str) -> Result:  # noqa: A002 - as the runner has it
        return CliRunner().invoke(cli, arguments, input=input, env={**environ, **more}, catch_exceptions=False)

    with restored_afterwards():
        yield run


@pytest.fixture
def told(run: Run) -> Callable[..., object]:
    """Return a function that runs a verb that must succeed and returns its JSON."""

    def told(*arguments: str) -> object:
        result = run(*arguments, "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout.splitlines()[-1])

    return told


async def run_aside(run: Run, *arguments: str, **options: bytes | None) -> Result:
    """Run a verb in a thread: it has an event loop of its own."""
    return await asyncio.to_thread(run, *arguments, **options)


async def records(environ: Mapping[str, str], topic: str) -> list[ConsumerRecord]:
    bootstrap = environ["NEARLINE_KAFKA__BOOTSTRAP"]
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        found: list[ConsumerRecord] = []
        while len(found) < sum(ends.values()):
            for batch in (await consumer.getmany(timeout_ms=1000)).values():
                found += batch
        return found


@pytest.fixture
def topics(told: Callable[..., object]) -> None:
    told("topics", "create")


def test_topics_are_made_once_and_then_checked(run: Run, told: Callable[..., object]) -> None:
    missing = run("topics", "check")
    assert missing.exit_code == 78
    assert "does not exist; `nearline topics create` makes it" in missing.stderr
    first = told("topics", "create")
    assert isinstance(first, dict)
    assert len(first["created"]) == 8
    assert told("topics", "create") == {"created": [], "existing": first["created"]}
    nothing = {"events": 0, "misplaced": 0, "partitions": []}
    assert told("topics", "check") == {"checked": first["created"], "partitioner": nothing}


@pytest.mark.usefixtures("topics")
@pytest.mark.parametrize("verb", ["check", "create"])
def test_a_mismatch_ends_with_78_and_both_numbers(run: Run, verb: str) -> None:
    result = run("topics", verb, NEARLINE_TOPICS__PARTITIONS="5")
    assert result.exit_code == 78
    assert "has 3 partitions, 5 are configured" in result.stderr


@pytest.mark.usefixtures("topics")
@pytest.mark.parametrize("source", ["plain", "gz", "input"])
async def test_events_are_sent_as_they_are_under_their_users(
    run: Run, environ: Mapping[str, str], tmp_path: Path, source: str
) -> None:
    lines = [*LINES, b"{broken", b'{"user_id": "\xc3\xa9", "type": "no"}']
    content = b"\n".join([*lines, b"", b""])
    file = tmp_path / ("events.gz" if source == "gz" else "events.jsonl")
    file.write_bytes(gzip.compress(content) if source == "gz" else content)
    arguments = ("events", "send", "-" if source == "input" else str(file), "--json")
    result = await run_aside(run, *arguments, input=content if source == "input" else None)
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["sent"], told["acknowledged"]) == (len(lines), len(lines))
    found = await records(environ, environ["NEARLINE_TOPICS__MEMBER_EVENTS"])
    assert sorted(record.value for record in found) == sorted(lines)
    keys = {record.value: record.key for record in found}
    assert [keys[encode_event(event)] for event in two_tastes()] == [event.user_id.encode() for event in two_tastes()]
    assert (keys[lines[-2]], keys[lines[-1]]) == (None, "é".encode())
    keyed = [record for record in found if record.key is not None]
    assert [record.partition for record in keyed] == [partition_of(record.key, PARTITIONS) for record in keyed]


@pytest.mark.usefixtures("topics")
def test_a_rate_and_a_replay_send_all(told: Callable[..., object], tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(LINES[:10]))
    for arguments in (("send", str(file), "--rate", "1000/s"), ("replay", str(file), "--speed", "100000")):
        answer = told("events", *arguments)
        assert isinstance(answer, dict)
        assert (answer["sent"], answer["acknowledged"]) == (10, 10)


@pytest.mark.usefixtures("topics")
async def test_a_record_that_the_broker_refuses_is_a_failure_with_numbers(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(LINES[0] + b"\n" + b"x" * ((1 << 20) - 2) + b"\n")
    result = await run_aside(run, "events", "send", str(file))
    assert result.exit_code == 1
    assert "of 1 records were acknowledged, then: " in result.stderr


@pytest.fixture
def versions(told: Callable[..., object], topics: None, tmp_path: Path) -> list[str]:
    """Return three versions in the store."""
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(LINES))
    names = []
    for seed in ("1", "2", "3"):
        answer = told("train", "--events", str(file), "--factors", "2", "--seed", seed)
        assert isinstance(answer, dict)
        names.append(answer["version"])
    return names


def states(told: Callable[..., object]) -> dict[str, str]:
    listed = told("models")
    assert isinstance(listed, list)
    return {one["version"]: one["state"] for one in listed}


def test_publishing_and_rolling_back(
    told: Callable[..., object], environ: Mapping[str, str], versions: list[str]
) -> None:
    one, two, three = versions
    assert states(told) == {one: "unannounced", two: "unannounced", three: "unannounced"}
    for sequence, version in enumerate((one, two, three)):
        expected = {"region": "global", "version": version, "sequence": sequence, "changed": True}
        assert told("publish", version) == expected
        assert told("publish", version) == {**expected, "changed": False}
    assert states(told) == {one: "announced", two: "previous", three: "active"}
    assert told("rollback") == {"region": "global", "version": two, "sequence": 3, "changed": True}
    assert states(told) == {one: "announced", two: "active", three: "previous"}
    assert told("rollback", "--to", one) == {"region": "global", "version": one, "sequence": 4, "changed": True}
    found = asyncio.run(records(environ, environ["NEARLINE_TOPICS__MODELS"]))
    assert [record.key for record in found] == [b"global"] * 5
    announced = [decode_announcement(record.value) for record in found]
    assert [(each.version, each.sequence) for each in announced] == [(one, 0), (two, 1), (three, 2), (two, 3), (one, 4)]
    assert announced[0].digest == announced[4].digest
    assert [each.canary for each in announced] == [True, True, True, False, False]
    assert [each.previous_version and each.previous_version.sequence for each in announced] == [None, 0, 1, 2, 3]
    assert announced[4].previous_version == announced[3].as_previous


def test_an_older_version_takes_a_rollback(run: Run, told: Callable[..., object], versions: list[str]) -> None:
    one, two, three = versions
    told("publish", two)
    older = run("publish", one)  # never announced, but made before
    assert older.exit_code == 1
    assert f"global/{one} was made at" in older.stderr
    assert f"`nearline rollback --region global --to {one}` serves it" in older.stderr
    told("publish", three)
    again = run("publish", two)
    assert again.exit_code == 1
    assert f"global/{two} was announced before, with sequence 0; active is {three} with sequence 1" in again.stderr
    assert told("rollback", "--to", one) == {"region": "global", "version": one, "sequence": 2, "changed": True}
    assert told("rollback", "--to", one) == {"region": "global", "version": one, "sequence": 2, "changed": False}


def test_what_is_untried_says_so(
    run: Run, told: Callable[..., object], environ: Mapping[str, str], versions: list[str]
) -> None:
    one, two, three = versions
    told("publish", one, "--untried")
    told("publish", three)
    told("rollback", "--to", two)  # never announced, so it must be tried
    found = asyncio.run(records(environ, environ["NEARLINE_TOPICS__MODELS"]))
    assert [decode_announcement(record.value).canary for record in found] == [False, True, True]


def test_a_damaged_active_version_keeps_nothing_from_being_published(
    told: Callable[..., object], environ: Mapping[str, str], versions: list[str]
) -> None:
    one, two, _ = versions
    told("publish", two)
    (Path(environ["NEARLINE_STORE"]) / "global" / two / "manifest.json").unlink()
    assert told("publish", one) == {"region": "global", "version": one, "sequence": 1, "changed": True}


def test_a_damaged_version_is_not_announced_and_says_why(
    run: Run, told: Callable[..., object], environ: Mapping[str, str], versions: list[str]
) -> None:
    one, two, _ = versions
    told("publish", one)
    factors = Path(environ["NEARLINE_STORE"]) / "global" / two / "factors.safetensors"
    factors.write_bytes(factors.read_bytes()[:-1])
    result = run("publish", two)
    assert result.exit_code == 1
    assert f"factors.safetensors of global/{two}" in result.stderr
    assert states(told)[two] == "invalid"
    assert states(told)[one] == "active"


def test_versions_that_do_not_exist(run: Run, versions: list[str]) -> None:
    for arguments in (("publish", "none"), ("publish", "../x"), ("rollback",), ("rollback", "--to", versions[0])):
        result = run(*arguments)
        assert result.exit_code == 1, arguments
        assert result.stderr.count("\n") == 1


def test_what_compaction_removed_is_known_from_the_manifest(told: Callable[..., object], versions: list[str]) -> None:
    told("publish", versions[1])  # nothing before it is in the topic
    assert told("rollback") == {"region": "global", "version": versions[0], "sequence": 1, "changed": True}


async def put_letters(environ: Mapping[str, str]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=environ["NEARLINE_KAFKA__BOOTSTRAP"]) as producer:
        for number, (reason, key) in enumerate(
            [("invalid_json", b"a"), ("future_ts", b"\xff"), ("invalid_json", None)]
        ):
            headers = [
                ("trace", b"7"),
                ("__streams.errors.topic", b"events"),
                ("__streams.errors.partition", b"2"),
                ("__streams.errors.offset", b"%d" % (40 + number)),
                ("reason", reason.encode()),
            ]
            topic = f"{environ['NEARLINE_TOPICS__MEMBER_EVENTS']}.dlq"
            await producer.send_and_wait(
                topic, b"value %d" % number, key=key, headers=headers, timestamp_ms=1000 + number
            )


@pytest.mark.usefixtures("topics")
async def test_dead_letters_are_listed_and_sent_again(run: Run, environ: Mapping[str, str]) -> None:
    await put_letters(environ)
    listed = json.loads((await run_aside(run, "dlq", "list", "--json")).stdout)
    assert [letter["source_offset"] for letter in listed] == [40, 41, 42]
    assert [letter["reason"] for letter in listed] == ["invalid_json", "future_ts", "invalid_json"]
    assert [letter["key"] for letter in listed] == ["a", "\\xff", None]
    assert [letter["bytes"] for letter in listed] == [7, 7, 7]
    latest = json.loads((await run_aside(run, "dlq", "list", "--limit", "1", "--json")).stdout)
    assert [letter["source_offset"] for letter in latest] == [42]
    result = await run_aside(run, "dlq", "replay", "--reason", "invalid_json", "--json")
    assert json.loads(result.stdout)["replayed"] == 2
    found = await records(environ, environ["NEARLINE_TOPICS__MEMBER_EVENTS"])
    assert sorted((record.value, record.key) for record in found) == [(b"value 0", b"a"), (b"value 2", None)]
    assert {tuple(record.headers) for record in found} == {(("trace", b"7"),)}


@pytest.mark.usefixtures("topics")
def test_an_empty_dead_letter_topic(told: Callable[..., object]) -> None:
    assert told("dlq", "list") == []
    replayed = told("dlq", "replay")
    assert isinstance(replayed, dict)
    assert replayed["replayed"] == 0
