import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import app.contract
from app.contract import asyncapi, contract_files, event_schema
from models.feedback.events import Rejected, decode_event
from tests.support.event_fields import PLAY

NOW = 1_800_000_000.0
VALUES = (
    st.none()
    | st.booleans()
    | st.floats(-2, 6, allow_nan=False).filter(lambda number: not number.is_integer())
    | st.integers(-2, 2**40)
    | st.text(st.characters(max_codepoint=300), max_size=70)
    | st.sampled_from(["play", "rate", "browse", "view", "list_add", "us", "a\n", "\x7f", "ü" * 64, "ü" * 65, "US"])
    | st.lists(st.integers(), max_size=2)
)
FIELDS = st.sampled_from(
    ["event_id", "type", "user_id", "video_id", "region", "device", "schema_version", "action"]
) | (st.sampled_from(["seconds_watched", "rating", "unknown"]))


def accepted(event: dict[str, Any]) -> bool:
    user_id = event.get("user_id")
    try:
        decode_event(json.dumps(event).encode(), user_id.encode() if isinstance(user_id, str) else None, NOW)
    except Rejected:
        return False
    return True


def references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for value in node.values() for found in references(value)]
    return [found for value in node for found in references(value)] if isinstance(node, list) else []


@pytest.mark.parametrize("name", ["member-event.schema.json", "asyncapi.json"])
def test_the_files_are_those_of_the_types(name: str) -> None:
    path = Path(app.contract.__file__).with_name(name)
    assert path.read_bytes() == contract_files()[name], "run `python -m app.contract` and look at the difference"


def test_the_event_schema_is_a_json_schema() -> None:
    Draft202012Validator.check_schema(event_schema())


@given(st.dictionaries(FIELDS, VALUES, max_size=3), st.sets(FIELDS, max_size=1))
def test_schema_and_decoder_accept_the_same_events(changed: dict[str, Any], missing: set[str]) -> None:
    event = {name: value for name, value in {**PLAY, **changed}.items() if name not in missing}
    assert Draft202012Validator(event_schema()).is_valid(event) == accepted(event)


@pytest.mark.parametrize(
    ("fields", "valid"),
    [
        ({}, True),
        ({"type": "rate", "rating": 0.5}, True),
        ({"type": "rate", "rating": 5.5}, False),
        ({"type": "browse", "action": "dismiss"}, True),
        ({"type": "browse", "action": "stare"}, False),
        ({"video_id": "a\n"}, False),
        ({"video_id": "\x85"}, False),
        ({"region": "us\n"}, False),
        ({"region": None}, True),
        ({"seconds_watched": True}, False),
        ({"schema_version": 0}, False),
    ],
)
def test_examples_of_events(fields: dict[str, Any], valid: bool) -> None:
    assert Draft202012Validator(event_schema()).is_valid(PLAY | fields) is valid
    assert accepted(PLAY | fields) is valid


def test_each_reference_of_the_documents_leads_somewhere() -> None:
    for document in (asyncapi(), event_schema()):
        found = references(document)
        assert found
        for reference in found:
            node: Any = document
            for part in reference.removeprefix("#/").split("/"):
                node = node[part]


def test_each_message_has_a_key_and_a_channel() -> None:
    document = asyncapi()
    used = {name for channel in document["channels"].values() for name in channel["messages"]}
    assert used == document["components"]["messages"].keys()
    for name in used - {"deadLetter"}:
        assert document["components"]["messages"][name]["bindings"]["kafka"]["key"]["type"] == "string"
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
