"""Logging: one line a record on standard error, as text for people or as JSON for machines, without secrets.

Everything logs through the standard library; structlog formats. A broker that is away makes aiokafka repeat itself
hundreds of times a second, and what is no HTTP makes aiohttp do so; their records pass a rate filter. Values of secret
settings are masked in every line.
"""

import logging
import math
import sys
import time
from collections.abc import Callable, Sequence
from typing import TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from app.settings.settings import LogSettings

_RATE_LIMITED = ("aiokafka", "kafka", "aiohttp")
_WARNINGS_ONLY = ("aiobotocore", "botocore", "s3fs", "fsspec", "urllib3")
"""Clients of stores, which else write requests, with their signatures and session tokens, into a log of level DEBUG."""
_PERIOD_SECONDS = 10.0
_MAX_MESSAGES = 1000
_MASK = "********"


class RateFilter(logging.Filter):
    """Lets each message of the named loggers pass once a period, and tells with the next how many it held back.

    A message is its logger, level and template, before the arguments are put in. An error of a template that has
    not been seen yet always passes.

    Parameters
    ----------
    loggers : names of loggers; their children count, too.
    period : seconds.
    clock : seconds, monotonic.
    """

    def __init__(
        self, loggers: Sequence[str], period: float = _PERIOD_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._loggers = tuple(loggers)
        self._period = period
        self._clock = clock
        self._held: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record passes; the text of one that does may get the number held back."""
        if not any(record.name == name or record.name.startswith(f"{name}.") for name in self._loggers):
            return True
        message, now = (record.name, record.levelno, str(record.msg)), self._clock()
        since, held = self._held.get(message, (-math.inf, 0))
        if now - since < self._period:
            self._held[message] = since, held + 1
            return False
        if len(self._held) >= _MAX_MESSAGES:  # templates are few; a logger that formats its own must not grow this
            self._held.clear()
        self._held[message] = now, 0
        if held:
            record.msg = f"{record.getMessage()} ({held} more like this in the last {now - since:.0f} s)"
            record.args = None
        return True


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
    handler.addFilter(RateFilter(_RATE_LIMITED))
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
