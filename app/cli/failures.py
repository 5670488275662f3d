"""Exit statuses: which failure ends the command line how, in one place.

====  =====================================================================
0     done
1     it failed; the sentence on standard error says why
2     the command, the settings or a jobs file are wrong
3     `nearline schedule --once`: the gate held a version back
4     `nearline state erase`: it was sent, but is not applied in every partition yet
78    the topics, or a data folder, are not what the settings say; nothing but a person helps
130   interrupted
====  =====================================================================
"""

import asyncio
import re

from app.own_packages import EXIT_CONFIGURATION

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_HELD_BACK = 3
EXIT_NOT_YET = 4
EXIT_INTERRUPTED = 130

_ADDRESS = re.compile(r"\('([^']+)', (\d+)")


def explain(error: Exception) -> tuple[int, str] | None:
    """Return the exit status and the sentence for an expected failure, None for any other, which is a defect."""
    from aiokafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError, RequestTimedOutError

    from agents.kafka.topics import TopicMismatch
    from app.errors import JobFailed, JobsInvalid
    from app.settings.sources import SettingsInvalid
    from models.errors import ModelError, ParameterInvalid
    from tables.errors import ForeignFolder, TableError

    if isinstance(error, SettingsInvalid | JobsInvalid | ParameterInvalid):
        return EXIT_USAGE, str(error)
    if isinstance(error, TopicMismatch | ForeignFolder):
        return EXIT_CONFIGURATION, str(error)
    if isinstance(error, KafkaConnectionError | NodeNotReadyError | RequestTimedOutError):
        advice = "start a broker (`nearline broker`), or set NEARLINE_KAFKA__BOOTSTRAP to the address of one"
        return EXIT_FAILED, f"cannot reach Kafka{_addresses(str(error))}; {advice}"
    if isinstance(error, KafkaError):
        return EXIT_FAILED, f"Kafka: {error}"
    if isinstance(error, asyncio.TimeoutError):
        return EXIT_FAILED, "there was no answer in time; is the broker well?"
    if isinstance(error, OSError) and error.filename is not None:
        return EXIT_FAILED, f"{error.filename}: {error.strerror}"
    if isinstance(error, JobFailed | ModelError | TableError | OSError):
        return EXIT_FAILED, str(error)
    return None


def _addresses(message: str) -> str:
    """Return the addresses that aiokafka's message quotes as tuples."""
    found = [f"{host}:{port}" for host, port in _ADDRESS.findall(message)]
    return f" at {', '.join(found)}" if found else ""
