"""The catalogue of the settings: the name of each one everywhere, what it allows, and whether it is a secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.settings.settings import Settings

ENVIRONMENT_PREFIX = "NEARLINE_"
LEVEL_DELIMITER = "__"


@dataclass(frozen=True, slots=True)
class SettingField:
    """One setting.

    Parameters
    ----------
    name
        Dotted, as in ``http.port``; in a TOML file the parts before the last are tables.
    description, allowed
        For people. `allowed` is a range, a set or a form; empty when the type says it all.
    secret
        Whether the value is masked wherever it would be shown.
    """

    name: str
    description: str
    allowed: str
    secret: bool

    @property
    def variable(self) -> str:
        """The name in the environment and of the secret file, such as ``NEARLINE_HTTP__PORT``."""
        return ENVIRONMENT_PREFIX + self.name.upper().replace(".", LEVEL_DELIMITER)


@cache
def setting_fields() -> Mapping[str, SettingField]:
    """Return all settings by dotted name, in the order of their declaration."""
    schema = Settings.model_json_schema()
    return {field.name: field for field in _fields("", schema, schema["$defs"])}


def _fields(prefix: str, schema: Mapping[str, Any], sections: Mapping[str, Any]) -> list[SettingField]:
    fields: list[SettingField] = []
    for name, entry in schema["properties"].items():
        if "$ref" in entry:
            section = sections[entry["$ref"].rpartition("/")[2]]
            fields += _fields(f"{prefix}{name}.", section, sections)
        else:
            fields.append(_field(prefix + name, entry))
    return fields


def _field(name: str, entry: Mapping[str, Any]) -> SettingField:
    # an optional value is described by the other branch of its union, a list by its items
    parts = [entry, *(part for part in entry.get("anyOf", ()) if part.get("type") != "null"), entry.get("items", {})]
    merged = {key: value for part in reversed(parts) for key, value in part.items()}
    return SettingField(name, entry["description"], _allowed(merged), any(part.get("writeOnly") for part in parts))


def _allowed(entry: Mapping[str, Any]) -> str:
    if "minimum" in entry:
        return f"{entry['minimum']:g} to {entry['maximum']:g}" if entry["type"] == "number" else _integers(entry)
    if "enum" in entry:
        return "one of " + ", ".join(entry["enum"])
    if "pattern" in entry:
        return f"text of the form {entry['pattern']}"
    if "minLength" in entry:
        least = entry["minLength"]
        return f"at least {least} characters" if least > 1 else "not empty"
    return "true or false" if entry.get("type") == "boolean" else ""


def _integers(entry: Mapping[str, Any]) -> str:
    return f"{entry['minimum']} to {entry['maximum']}"
