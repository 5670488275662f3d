"""Dead letters: the bytes as they came, and headers that Kafka Streams' tools read."""

from types import SimpleNamespace

import pytest

from agents.events.dead_letters import DeadLetter, outgoing
from models.feedback.events import Rejected, decode_event


def test_bytes_origin_and_reason_are_kept() -> None:
    with pytest.raises(Rejected) as refused:
        decode_event(b"{\xff", b"u1", now=0.0)
    record = SimpleNamespace(
        topic="member-events", partition=3, offset=17, key=b"u1", value=b"{\xff", headers=[("trace", b"abc")]
    )
    (letter,) = outgoing([DeadLetter(record, refused.value)], "member-events.dlq")
    assert (letter.topic, letter.key, letter.value) == ("member-events.dlq", b"u1", b"{\xff")
    assert letter.headers[0] == ("trace", b"abc")
    assert dict(letter.headers[1:]) == {
        "__streams.errors.topic": b"member-events",
        "__streams.errors.partition": b"3",
        "__streams.errors.offset": b"17",
        "__streams.errors.exception": b"Rejected",
        "__streams.errors.message": str(refused.value).encode(),
        "reason": refused.value.reason.encode(),
    }
