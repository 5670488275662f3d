"""The file of periodic jobs: TOML, one ``[[jobs]]`` for each region, each name checked.

::

    [[jobs]]
    region = "global"
    events = "events/*.jsonl.gz"        # JSON lines, as `nearline train` reads them
    cron = "30 3 * * *"                 # UTC; or every = "6h"
    jitter_seconds = 60
    holdout = 0.1                       # and the options of `nearline train`, under their names
    gate = { min_recall_at_20 = 0.1, max_relative_drop = 0.05 }
"""

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from apscheduler.triggers.base import BaseTrigger
from pydantic import AfterValidator, ConfigDict, Field, ValidationError, create_model, model_validator
from pydantic_core import ErrorDetails

from app.errors import JobsInvalid
from app.offline.schedule.gate import Limits
from app.offline.schedule.triggers import cron_trigger, interval_seconds, interval_trigger
from app.offline.training.configuration import TrainingConfiguration
from app.offline.training.options import TRAINING_OPTIONS
from app.settings.settings import Section
from models.names import REGION_RULE, is_region
from models.parameters import UNLIMITED, Parameter

_MAX_FILE_BYTES = 1 << 20


class _Table(Section):
    model_config = ConfigDict(strict=True)


def _check_region(value: str) -> str:
    if not is_region(value):
        raise ValueError(f"use {REGION_RULE}")
    return value


def _check_cron(value: str) -> str:
    cron_trigger(value)
    return value


def _check_interval(value: str) -> str:
    interval_seconds(value)
    return value


def _check_events(value: str) -> str:
    if value == "-":
        raise ValueError("a periodic job cannot read standard input; name files")
    return value


class GateTable(_Table):
    """What a version must reach to be published."""

    min_recall_at_20: float = Field(ge=0, le=1)
    max_relative_drop: float = Field(ge=0, le=1)


def _field_of(option: Parameter) -> Any:
    finite = None if option.kind is int else False
    most = None if option.most == UNLIMITED else option.most
    return option.kind, Field(option.default, ge=option.least, le=most, description=option.help, allow_inf_nan=finite)


TrainingOptions = create_model(
    "TrainingOptions",
    __base__=_Table,
    __doc__="Those of `nearline train`, with its names, ranges and defaults.",
    **{option.option: _field_of(option) for option in TRAINING_OPTIONS},
)


class Job(TrainingOptions, _Table):
    """The periodic training of one region."""

    region: Annotated[str, AfterValidator(_check_region)]
    events: Annotated[str, AfterValidator(_check_events)] = Field(min_length=1)
    cron: Annotated[str, AfterValidator(_check_cron)] | None = None
    every: Annotated[str, AfterValidator(_check_interval)] | None = None
    jitter_seconds: int = Field(0, ge=0, le=86_400)
    holdout: float = Field(0.1, gt=0, le=0.9)
    gate: GateTable

    @model_validator(mode="after")
    def _check_clock(self) -> "Job":
        if (self.cron is None) == (self.every is None):
            raise ValueError("give either cron or every")
        if self.every is not None and self.jitter_seconds >= interval_seconds(self.every):
            raise ValueError(f"jitter_seconds={self.jitter_seconds} must be below every={self.every!r}")
        return self

    @property
    def trigger(self) -> BaseTrigger:
        """When it is due."""
        if self.cron is not None:
            return cron_trigger(self.cron, self.jitter_seconds)
        return interval_trigger(self.every or "", self.jitter_seconds)

    @property
    def limits(self) -> Limits:
        """What its gate asks for."""
        return Limits(**self.gate.model_dump())

    def configuration(self, history_limit: int) -> TrainingConfiguration:
        """Return how its model is learned."""
        options = self.model_dump(include={option.option for option in TRAINING_OPTIONS})
        return TrainingConfiguration.of_options(self.region, history_limit, options)


class _JobsFile(_Table):
    jobs: list[Job] = Field(min_length=1)


def read_jobs(path: Path) -> list[Job]:
    """Read a jobs file.

    Raises
    ------
    JobsInvalid
        If it cannot be read, or anything in it is wrong.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
        if len(content) > _MAX_FILE_BYTES:
            raise JobsInvalid(f"{path} has more than {_MAX_FILE_BYTES} bytes")
        tables = tomllib.loads(content.decode())
    except (OSError, ValueError, RecursionError) as error:
        raise JobsInvalid(f"cannot read the jobs in {path}: {error}") from error
    try:
        jobs = _JobsFile.model_validate(tables).jobs
    except ValidationError as error:
        problems = [_rejection(detail, tables, path) for detail in error.errors(include_url=False)]
        raise JobsInvalid("\n".join(problems)) from None
    regions = [job.region for job in jobs]
    if twice := sorted({region for region in regions if regions.count(region) > 1}):
        raise JobsInvalid(f"{path} has several jobs of region {', '.join(twice)}; each region has one")
    return jobs


def _rejection(error: ErrorDetails, tables: Mapping[str, Any], path: Path) -> str:
    location = [part for part in error["loc"] if isinstance(part, str)]
    numbers = [part for part in error["loc"] if isinstance(part, int)]
    if not numbers:
        message = "has no [[jobs]]" if error["type"] in {"missing", "too_short"} else f"has a wrong {location[0]}"
        return f"{path} {message}; [[jobs]] begins each job, and nothing else stands beside them"
    table = tables["jobs"][numbers[0]]
    region = f" (region {table['region']})" if isinstance(table, dict) and "region" in table else ""
    where, field = f"job {numbers[0] + 1}{region} in {path}", ".".join(location[1:])
    if error["type"] == "missing":
        return f"{where}: {field} is missing"
    if error["type"] == "extra_forbidden":
        known = GateTable.model_fields if field.startswith("gate.") else Job.model_fields
        close = get_close_matches(location[-1], known, n=1)
        return f"{where}: unknown name {field}; " + (
            f"did you mean {close[0]}?" if close else f"use {', '.join(known)}"
        )
    message = error["msg"].removeprefix("Value error, ")
    return f"{where}: {field}={error['input']!r} is refused: {message}" if field else f"{where}: {message}"
