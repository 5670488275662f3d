"""What can go wrong with a broker, as one tree.

::

    BrokerError          every failure of this package that a caller may expect
    ├── NoWayToRun       neither an address, nor Java 17+ with the jars, nor a Docker engine
    ├── JarsInvalid      the jars could not be fetched, or are not those of jars.lock
    └── BrokerFailed     the broker ended, or did not answer in time
"""


class BrokerError(Exception):
    """Any expected failure to run or reach a broker."""


class NoWayToRun(BrokerError):
    """Nothing on the machine could run a broker.

    Parameters
    ----------
    missing : tuple of str
        What a local broker lacks here: ``"java"``, ``"maven"`` or both.
    """

    def __init__(self, missing: tuple[str, ...]) -> None:
        wanted = {"java": "a Java 17+ runtime (openjdk-17-jre-headless)", "maven": "Maven (maven)"}
        super().__init__(
            f"cannot run a Kafka broker here: install {' and '.join(wanted[name] for name in missing)}, "
            "or start a Docker engine with the compose plugin, "
            "or set NEARLINE_KAFKA__BOOTSTRAP to the address of a broker"
        )
        self.missing = missing


class JarsInvalid(BrokerError):
    """Kafka's jars could not be fetched, or one of them is not what ``jars.lock`` says."""


class BrokerFailed(BrokerError):
    """The broker ended or did not answer in time; the message ends with the tail of its log."""
