"""Logging: one line a record on standard error, as text for people or as JSON for machines, without secrets.

Everything logs through the standard library; structlog formats. A broker that is away, or has lost its topics, makes
aiokafka and Faust repeat themselves hundreds of times a second, and what is no HTTP makes aiohttp do so; their records
pass a rate filter, and ours never do. Values of secret settings are masked in every line.
"""

import logging
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from app.settings.settings import LogSettings

_RATE_LIMITED = ("aiokafka", "kafka", "aiohttp", "faust", "mode")
_WARNINGS_ONLY = ("aiobotocore", "botocore", "s3fs", "fsspec", "urllib3")
"""Clients of stores, which else write requests, with their signatures and session tokens, into a log of level DEBUG."""
_PERIOD_SECONDS = 10.0
_MAX_MESSAGES = 1000
_OF_A_PLACE = 30
"""A line of code that puts its texts together itself has no template; so many different ones pass a period."""
_MASK = "********"


class RateFilter(logging.Filter):
    """Lets each message of the named loggers pass once a period, and tells how many it held back.

    A message is its logger, level and template, before the arguments are put in. A template that has not been seen
    yet passes, unless very many of that line of code have just passed: then it puts them together itself. The number
    comes with the next one that passes; after the last one it has a line of its own, once something else is logged.

    Parameters
    ----------
    loggers : names of loggers; their children count, too.
    period : seconds.
    clock : seconds, monotonic.
    tell : takes the lines of numbers; without it there are none.
    """

    def __init__(
        self,
        loggers: Sequence[str],
        period: float = _PERIOD_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[logging.LogRecord], object] | None = None,
    ) -> None:
        super().__init__()
        self._tell = tell
        self._told = -math.inf
        self._loggers = tuple(loggers)
        self._period = period
        self._clock = clock
        self._messages: dict[_Message, _Turn] = {}
        self._places: dict[_Message, _Turn] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record passes; the text of one that does may get the number held back."""
        now = self._clock()
        if self._tell is not None and now - self._told >= self._period:
            self._told = now
            for number in self._ended(now, record):
                self._tell(number)
        named = any(record.name == name or record.name.startswith(f"{name}.") for name in self._loggers)
        if not named or isinstance(record, _Number):
            return True
        message = self._turn(self._messages, (record.name, record.levelno, str(record.msg)))
        place = self._turn(self._places, (record.name, record.levelno, f"{record.pathname}:{record.lineno}"))
        if now - message.since < self._period:
            message.held += 1
            return False
        if now - place.since < self._period and place.passed >= _OF_A_PLACE:
            place.held += 1
            return False
        if now - place.since >= self._period:
            place.since, place.passed = now, 0
        place.passed += 1
        held, seconds = message.held + place.held, now - message.since if message.held else self._period
        message.since, message.held, place.held = now, 0, 0
        if held:
            record.msg = f"{record.getMessage()} ({held} more like this in the last {seconds:.0f} s)"
            record.args = None
        return True

    def _ended(self, now: float, record: logging.LogRecord) -> "list[_Number]":
        """Return how many were held back of messages that have not come for a period; `record` is just coming."""
        found = []
        for (name, level, text), turn in self._messages.items():
            if turn.held and now - turn.since >= self._period and (name, text) != (record.name, str(record.msg)):
                args = text, turn.held
                found.append(_Number(name, level, "", 0, "%s (%d of these were left out)", args, None))
                turn.held = 0
        return found

    def _turn(self, turns: "dict[_Message, _Turn]", key: "_Message") -> "_Turn":
        if key not in turns and len(turns) >= _MAX_MESSAGES:  # templates are few; a logger's own texts must not grow it
            turns.clear()
        return turns.setdefault(key, _Turn())


class _Number(logging.LogRecord):
    """A line of the rate filter itself."""


_Message = tuple[str, int, str]


@dataclass(slots=True)
class _Turn:
    """When a message passed last, how many passed since then, and how many were held back."""

    since: float = -math.inf
    passed: int = 0
    held: int = 0


def configure_logging(settings: LogSettings, secrets: Sequence[str] = (), stream: TextIO | None = None) -> None:
    """Make the root logger write to `stream`, standard error by default; replaces what was configured before.

    Parameters
    ----------
    settings
        Level and format.
    secrets
        Values that are masked wherever a line contains them.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.addFilter(RateFilter(_RATE_LIMITED, tell=handler.handle))
    handler.setFormatter(_formatter(settings.format, secrets, colors=handler.stream.isatty()))
    logging.basicConfig(handlers=[handler], level=settings.level, force=True)
    for name in _WARNINGS_ONLY:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*_common(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _common() -> list[Processor]:
    return [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _formatter(format_: str, secrets: Sequence[str], *, colors: bool) -> logging.Formatter:
    if format_ == "json":
        last: list[Processor] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        plain = structlog.dev.plain_traceback
        last = [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_common(), structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last, _Masking(secrets)],
    )


class _Masking:
    """The last processor: replaces secrets in the finished line."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)

    def __call__(self, logger: WrappedLogger, name: str, line: EventDict) -> str:
        text = str(line)
        for secret in self._secrets:
            text = text.replace(secret, _MASK)
        return text
