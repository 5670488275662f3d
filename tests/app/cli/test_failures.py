import errno

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError, RequestTimedOutError

from agents.kafka.topics import TopicMismatch
from app.cli.failures import explain
from app.errors import JobFailed
from app.settings.sources import SettingsInvalid
from models.errors import ArtifactInvalid, ParameterInvalid

START_ONE = "start a broker (`nearline broker`), or set NEARLINE_KAFKA__BOOTSTRAP to the address of one"


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (SettingsInvalid(["one", "two"]), 2, "one\ntwo"),
        (TopicMismatch("12 and 6"), 78, "12 and 6"),
        (JobFailed("why"), 1, "why"),
        (ParameterInvalid("seed is -1"), 2, "seed is -1"),
        (ArtifactInvalid("torn"), 1, "torn"),
        (FileNotFoundError(errno.ENOENT, "No such file", "f"), 1, "f: No such file"),
        (OSError("torn stream"), 1, "torn stream"),
        (TimeoutError(), 1, "there was no answer in time; is the broker well?"),
        (RequestTimedOutError(), 1, f"cannot reach Kafka; {START_ONE}"),
        (MessageSizeTooLargeError("3 MB"), 1, "Kafka: [Error 10] MessageSizeTooLargeError: 3 MB"),
    ],
)
def test_expected_failures(error: Exception, status: int, sentence: str) -> None:
    assert explain(error) == (status, sentence)


def test_the_address_is_told_in_words() -> None:
    explained = explain(KafkaConnectionError("Unable to bootstrap from [('kafka', 9092, <AddressFamily.AF_INET: 2>)]"))
    assert explained is not None
    assert explained[1].startswith("cannot reach Kafka at kafka:9092; ")


@pytest.mark.parametrize("error", [KeyError("x"), TypeError("x"), AssertionError()])
def test_a_defect_is_not_explained_away(error: Exception) -> None:
    assert explain(error) is None
