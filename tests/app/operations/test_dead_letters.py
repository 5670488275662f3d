from aiokafka import ConsumerRecord

from agents.events.dead_letters import DeadLetter, outgoing
from app.operations.dead_letters import letter_of
from models.feedback.events import Rejected


def record(**fields: object) -> ConsumerRecord:
    defaults = {
        "topic": "t",
        "partition": 0,
        "offset": 0,
        "timestamp": 0,
        "timestamp_type": 0,
        "key": None,
        "value": None,
        "checksum": None,
        "serialized_key_size": -1,
        "serialized_value_size": -1,
        "headers": (),
    }
    return ConsumerRecord(**{**defaults, **fields})


def test_a_letter_is_what_the_worker_put_in() -> None:
    source = record(
        topic="member-events",
        partition=3,
        offset=17,
        key=b"\xff",
        value=b"{",
        headers=(("trace", b"1"), ("reason", b"x")),
    )
    (sent,) = outgoing([DeadLetter(source, Rejected("invalid_json", "the event is not JSON"))], "member-events.dlq")
    letter = letter_of(record(partition=1, offset=2, key=sent.key, value=sent.value, headers=tuple(sent.headers)))
    assert (letter.partition, letter.offset) == (1, 2)
    assert (letter.source_topic, letter.source_partition, letter.source_offset) == ("member-events", 3, 17)
    assert (letter.reason, letter.message) == ("invalid_json", "the event is not JSON")
    assert (letter.key, letter.value) == (b"\xff", b"{")
    assert letter.headers == (("trace", b"1"),)


def test_a_strange_record_is_a_letter_with_gaps() -> None:
    letter = letter_of(record(value=b"x", headers=(("__streams.errors.offset", b"many"), ("reason", b"\xff"))))
    assert (letter.source_topic, letter.source_partition, letter.source_offset) == ("", None, None)
    assert letter.reason == "\\xff"
