"""The loggers of the process, which the command line configures."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from app.logs import _WARNINGS_ONLY


@contextmanager
def restored_afterwards() -> Iterator[None]:
    """Undo what `configure_logging` and the verbs do to the loggers."""
    root, named = logging.getLogger(), [logging.getLogger(name) for name in ("aiokafka", "asyncio", *_WARNINGS_ONLY)]
    handlers, level, levels = root.handlers[:], root.level, [logger.level for logger in named]
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for logger, before in zip(named, levels, strict=True):
            logger.setLevel(before)
        structlog.reset_defaults()
