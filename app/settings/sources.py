"""Where settings come from: options, the environment, mounted secrets, a TOML file, defaults; in that precedence.

Every name that begins with ``NEARLINE_``, every key of the file and every name in the folder of secrets must be a
setting: a misspelt one would otherwise leave its default in force without a word.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails

from app.settings.fields import ENVIRONMENT_PREFIX, SettingField, setting_fields
from app.settings.settings import Settings
from app.settings.store_url import without_secrets

CONFIG_VARIABLE = "NEARLINE_CONFIG"
SECRETS_VARIABLE = "NEARLINE_SECRETS_DIR"
MASK = "********"

_MAX_FILE_BYTES = 1 << 20
_CLOSE = 0.8  # all names share their prefix, so that alone must not make them alike


class SettingsInvalid(Exception):
    """The settings are refused; each of `problems` is a sentence that names the setting and where it was given."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Given:
    """A value as it was given, and by what."""

    value: object
    origin: str


Layer: TypeAlias = Mapping[str, Given]


@dataclass(frozen=True, slots=True)
class EffectiveSettings:
    """The settings in force, and for each dotted name that is not a default what gave it."""

    settings: Settings
    origins: Mapping[str, str]

    def rows(self) -> Iterator[tuple[SettingField, Any, str]]:
        """Yield each setting, its effective value as JSON has it, secrets masked, and its origin."""
        for field in setting_fields().values():
            value: Any = self.settings
            for part in field.name.split("."):
                value = getattr(value, part)
            yield field, _shown(value), self.origins.get(field.name, "default")

    def secrets(self) -> list[str]:
        """Return the values that must never show."""
        http, models = self.settings.http, self.settings.models
        keys = [*http.admin_keys, *http.read_keys, *([models.signing_key] if models.signing_key else [])]
        return [key.get_secret_value() for key in keys]


def load_settings(
    options: Mapping[str, object] | None = None,
    *,
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> EffectiveSettings:
    """Read all sources, check them and put them together.

    Parameters
    ----------
    options
        Values by dotted name that the command line gave.
    config
        The TOML file; None for the one that ``NEARLINE_CONFIG`` names, if any.
    environ
        The environment; None for that of the process.

    Raises
    ------
    SettingsInvalid
        An unknown name, a value that is not allowed, or a source that cannot be read.
    """
    environ = os.environ if environ is None else environ
    problems: list[str] = []
    file = config or _path(environ.get(CONFIG_VARIABLE))
    directory = _path(environ.get(SECRETS_VARIABLE))
    layers = [
        read_file(file, problems) if file else {},
        read_secrets(directory, problems) if directory else {},
        read_environment(environ, problems),
        {name: Given(value, "option") for name, value in (options or {}).items()},
    ]
    if problems:
        raise SettingsInvalid(problems)
    given = {name: value for layer in layers for name, value in layer.items()}
    return EffectiveSettings(_validate(given), {name: value.origin for name, value in given.items()})


def read_environment(environ: Mapping[str, str], problems: list[str]) -> Layer:
    """Return what ``NEARLINE_*`` variables give, and append a sentence for each that is no setting."""
    ours = {name: value for name, value in environ.items() if name.startswith(ENVIRONMENT_PREFIX)}
    texts = {name: value for name, value in ours.items() if name not in {CONFIG_VARIABLE, SECRETS_VARIABLE}}
    return _by_variable(texts, "env {}", "the environment", problems)


def read_secrets(directory: Path, problems: list[str]) -> Layer:
    """Return what the files of a folder give, each named like an environment variable, as Kubernetes mounts them."""
    try:
        files = [path for path in sorted(directory.iterdir()) if not path.name.startswith(".")]
        texts = {path.name: _read(path).decode().rstrip("\r\n") for path in files}
    except (OSError, UnicodeDecodeError, ValueError) as error:
        problems.append(f"cannot read the secrets in {directory} ({SECRETS_VARIABLE}): {error}")
        return {}
    return _by_variable(texts, f"secret {directory}/{{}}", str(directory), problems)


def read_file(path: Path, problems: list[str]) -> Layer:
    """Return what a TOML file gives, and append a sentence for each key that is no setting."""
    try:
        tables = tomllib.loads(_read(path).decode())
    except (OSError, ValueError, RecursionError) as error:
        problems.append(f"cannot read the settings in {path}: {error}")
        return {}
    return dict(_leaves(tables, "", path, problems))


def _by_variable(texts: Mapping[str, str], origin: str, where: str, problems: list[str]) -> Layer:
    names = {field.variable: field.name for field in setting_fields().values()}
    problems += [_unknown(name, where, names) for name in sorted(texts.keys() - names.keys())]
    known = texts.keys() & names.keys()
    return {names[name]: Given(texts[name], origin.format(name)) for name in known}


def _leaves(table: Mapping[str, object], prefix: str, path: Path, problems: list[str]) -> Iterator[tuple[str, Given]]:
    fields = setting_fields()
    for key, value in table.items():
        name = prefix + key
        is_section = any(field.startswith(f"{name}.") for field in fields)
        if name in fields and "." not in key:
            yield name, Given(value, f"file {path}")
        elif not is_section or "." in key:
            problems.append(_unknown(name, str(path), fields))
        elif isinstance(value, dict):
            yield from _leaves(value, f"{name}.", path, problems)
        else:
            problems.append(f"{name} in {path} must be a table, [{name}]")


def _unknown(name: str, where: str, known: Mapping[str, object]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=_CLOSE)
    advice = f"did you mean {close[0]}?" if close else "`nearline config show` lists all settings"
    return f"unknown setting {name} in {where}; {advice}"


def _validate(given: Mapping[str, Given]) -> Settings:
    nested: dict[str, Any] = {}
    for name, one in given.items():
        *sections, last = name.split(".")
        table = nested
        for section in sections:
            table = table.setdefault(section, {})
        table[last] = one.value
    try:
        return Settings.model_validate(nested)
    except ValidationError as error:
        problems = [_rejection(detail, given) for detail in error.errors(include_url=False)]
        raise SettingsInvalid(list(dict.fromkeys(problems))) from None


def _rejection(error: ErrorDetails, given: Mapping[str, Given]) -> str:
    location = ".".join(part for part in error["loc"] if isinstance(part, str))
    message = error["msg"].removeprefix("Value error, ")
    field, one = setting_fields().get(location), given.get(location)
    if field is None or one is None:  # a rule about several settings of a section
        return f"{location}: {message}"
    value = MASK if field.secret else repr(without_secrets(one.value))
    if field.secret:
        message = "the value is not allowed"
    return f"{location}={value} ({one.origin}) is refused: {message}" + (
        f"; allowed: {field.allowed}" if field.allowed else ""
    )


def _shown(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, tuple):
        return [_shown(one) for one in value]
    return str(value) if isinstance(value, Path) else value


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _read(path: Path) -> bytes:
    if path.stat().st_size > _MAX_FILE_BYTES:
        raise ValueError(f"{path.name} has more than {_MAX_FILE_BYTES} bytes")
    return path.read_bytes()
