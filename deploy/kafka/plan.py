"""What to run for a broker, as data: :mod:`deploy.kafka.local` and :mod:`deploy.kafka.compose` make one each."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

HEAP_MIB: Final = 384
"""The Java heap of a broker that few people use, unless another size is asked for."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to run one broker.

    Attributes
    ----------
    command : list of str
        The process that lives as long as the broker does.
    output : Path
        Where that process's standard output and error go.
    logs : tuple of Path
        Files whose tails explain a failure, the most telling last.
    environment : dict
        Added to this process's environment.
    kill : list of str
        Run after the process was killed, where that alone does not kill the broker.
    close : list of str
        Run when the broker will not be started again, or its starter is gone.
    """

    command: list[str]
    output: Path
    logs: tuple[Path, ...]
    environment: dict[str, str] = field(default_factory=dict)
    kill: list[str] = field(default_factory=list)
    close: list[str] = field(default_factory=list)
