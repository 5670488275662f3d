"""A real Kafka broker for the demonstration, the tests and a developer's machine.

:class:`Broker` takes the first of these that can be had: an address that somebody configured; a single-node
KRaft broker from Maven's jars under Java 17+; Docker Compose with ``apache/kafka``. Otherwise it says what to
install. ``python -m deploy.kafka`` runs one until Ctrl-C. Imports the standard library only, so that it works
before anything else is installed.
"""

from deploy.kafka.broker import Broker
from deploy.kafka.errors import BrokerError, BrokerFailed, JarsInvalid, NoWayToRun

__all__ = ["Broker", "BrokerError", "BrokerFailed", "JarsInvalid", "NoWayToRun"]
