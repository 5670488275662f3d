import io
import json
import logging

import pytest
import structlog

from app.logs import RateFilter, configure_logging
from app.settings.settings import LogSettings

pytestmark = pytest.mark.usefixtures("restored_logging")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def record(name: str = "aiokafka.conn", message: str = "lost %s", *args: object, level: int = 40) -> logging.LogRecord:
    return logging.LogRecord(name, level, __file__, 1, message, args, None)


def test_a_message_passes_once_a_period_whatever_its_arguments() -> None:
    clock = Clock()
    rate = RateFilter(["aiokafka"], period=10.0, clock=clock)
    assert rate.filter(record("aiokafka.conn", "lost %s", 1))
    clock.now = 9.9
    assert not rate.filter(record("aiokafka.conn", "lost %s", 2))
    assert not rate.filter(record("aiokafka.conn", "lost %s", 3))
    clock.now = 10.0
    fourth = record("aiokafka.conn", "lost %s", 4)
    assert rate.filter(fourth)
    assert fourth.getMessage() == "lost 4 (2 more like this in the last 10 s)"
    clock.now = 20.0
    fifth = record("aiokafka.conn", "lost %s", 5)
    assert rate.filter(fifth)
    assert fifth.getMessage() == "lost 5"


def test_other_messages_levels_and_loggers_have_their_own_turn() -> None:
    rate = RateFilter(["aiokafka"], clock=Clock())
    passed = [
        rate.filter(record(name, message, "x", level=level))
        for name in ("aiokafka", "aiokafka.conn")
        for message in ("lost %s", "found %s")
        for level in (logging.WARNING, logging.ERROR)
    ]
    assert all(passed)


def test_loggers_that_are_not_named_are_not_limited() -> None:
    rate = RateFilter(["aiokafka"], clock=Clock())
    assert all(rate.filter(record(name, "same %s", 1)) for name in ("app", "aiokafkas", "app") for _ in range(3))


def test_a_line_of_code_that_puts_its_texts_together_itself_is_bounded_too_and_says_how_many_it_left_out() -> None:
    clock = Clock()
    rate = RateFilter(["faust"], clock=clock)
    passed = sum(rate.filter(record("faust.assignor", f"no topic {number}")) for number in range(20_000))
    assert passed == 30
    clock.now = 10.0
    later = record("faust.assignor", "no topic 20000")
    assert rate.filter(later)
    assert later.getMessage() == "no topic 20000 (19970 more like this in the last 10 s)"


def test_when_a_storm_is_over_the_next_line_of_anybody_brings_its_number() -> None:
    clock, told = Clock(), list[str]()
    rate = RateFilter(["aiokafka"], clock=clock, tell=lambda record: told.append(record.getMessage()))
    for _ in range(500):
        rate.filter(record("aiokafka.conn", "lost %s", 1))
    clock.now = 9.0
    assert rate.filter(record("app", "something"))
    assert told == []
    clock.now = 20.0
    assert rate.filter(record("app", "something"))
    assert told == ["lost %s (499 of these were left out)"]
    clock.now = 40.0
    assert rate.filter(record("app", "something"))
    assert len(told) == 1


def test_the_number_of_a_storm_is_a_line_like_any_other() -> None:
    stream, clock = io.StringIO(), Clock()
    configure_logging(LogSettings(format="json"), stream=stream)
    (rate,) = logging.getLogger().handlers[-1].filters
    assert isinstance(rate, RateFilter)
    rate._clock = clock
    for _ in range(500):
        logging.getLogger("aiokafka.conn").error("lost %s", 1)
    clock.now = 20.0
    logging.getLogger("app").info("something")
    lines = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert lines == ["lost 1", "lost %s (499 of these were left out)", "something"]


def test_what_the_filter_remembers_is_bounded() -> None:
    clock = Clock()
    rate = RateFilter(["aiokafka"], clock=clock)
    for number in range(3000):
        clock.now += 1.0
        rate.filter(record(f"aiokafka.{number}", f"formatted by itself {number}"))
    assert max(len(rate._messages), len(rate._places)) <= 1000


def test_storms_of_the_libraries_are_bounded_and_our_own_lines_are_all_there() -> None:
    stream = io.StringIO()
    configure_logging(LogSettings(), stream=stream)
    for number in range(500):
        for name in ("aiokafka.cluster", "faust.assignor.partition_assignor", "mode.services"):
            logging.getLogger(name).error("storm of %s", name)
        for name in ("app.worker.membership", "agents.events.reader", "tables.store"):
            logging.getLogger(name).error("own %d", number)
    assert stream.getvalue().count("storm of") == 3
    assert stream.getvalue().count("own ") == 1500


def logged(settings: LogSettings, secrets: list[str]) -> str:
    stream = io.StringIO()
    configure_logging(settings, secrets, stream)
    logging.getLogger("plain").info("said %s with %s", "hello", "s3cret-key")
    structlog.get_logger("structured").warning("counted", users=3, key="s3cret-key")
    logging.getLogger("plain").debug("too low")
    try:
        raise ValueError("it was s3cret-key")
    except ValueError:
        logging.getLogger("plain").exception("failed")
    return stream.getvalue()


def test_json_lines_are_for_machines() -> None:
    first, second, third = map(json.loads, logged(LogSettings(format="json"), []).splitlines())
    assert (first["event"], first["level"], first["logger"]) == ("said hello with s3cret-key", "info", "plain")
    assert first["timestamp"].endswith("Z")
    assert (second["event"], second["level"], second["users"]) == ("counted", "warning", 3)
    assert third["event"] == "failed"
    assert "ValueError" in third["exception"]


def test_text_is_for_people() -> None:
    text = logged(LogSettings(), [])
    assert "said hello" in text
    assert "users=3" in text
    assert "too low" not in text
    assert "ValueError" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("format_", ["text", "json"])
def test_secrets_are_masked_in_every_line(format_: str) -> None:
    text = logged(LogSettings.model_validate({"format": format_}), ["s3cret-key"])
    assert "s3cret-key" not in text
    assert text.count("********") >= 3


def test_the_level_counts() -> None:
    stream = io.StringIO()
    configure_logging(LogSettings(level="ERROR"), stream=stream)
    logging.getLogger("plain").warning("quiet")
    structlog.get_logger().warning("quiet")
    assert stream.getvalue() == ""


def test_clients_of_stores_write_no_requests() -> None:
    stream = io.StringIO()
    configure_logging(LogSettings(level="DEBUG"), stream=stream)
    for name in ("botocore.auth", "aiobotocore.credentials", "s3fs", "fsspec.asyn"):
        logging.getLogger(name).debug("x-amz-security-token: %s", "secret")
        logging.getLogger(name).warning("slow")
    logging.getLogger("app").debug("seen")
    assert "secret" not in stream.getvalue()
    assert stream.getvalue().count("slow") == 4
    assert "seen" in stream.getvalue()
