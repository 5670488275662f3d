"""JSON Schema and AsyncAPI documents, made from the types that decode the topics."""

from typing import Any

import msgspec

from agents.catalogue import CatalogueEntry
from agents.events.dead_letters import (
    CUT_HEADER,
    EXCEPTION_HEADER,
    MESSAGE_HEADER,
    NULL_HEADER,
    OFFSET_HEADER,
    PARTITION_HEADER,
    REASON_HEADER,
    TOPIC_HEADER,
)
from models.feedback.events import (
    MAX_EVENT_BYTES,
    MAX_FUTURE_SECONDS,
    REASONS,
    Browse,
    Event,
    Identifier,
    Play,
    Rate,
    Region,
)
from models.rollout.announcement import MAX_ANNOUNCEMENT_BYTES, Announcement, PreviousVersion

_CONTRACT_VERSION = "1.1.0"
_PUBLISHED = {PreviousVersion.__name__: "Fallback"}
"""Types by the names that the contract has for them."""
_EVENT_RULES = (
    f"UTF-8 JSON, at most {MAX_EVENT_BYTES} bytes, unknown fields ignored. The record's key is the UTF-8 bytes of "
    "user_id, its partition murmur2(key) as in the Java client (librdkafka: partitioner=murmur2_random). ts is at most "
    f"{MAX_FUTURE_SECONDS // 3600} hours ahead of the record's time in Kafka. An event applied twice changes nothing; "
    "event_id tells repeats. A record with a user_id as key and no value (null) erases that user in its partition: "
    "what came before it is gone, what comes behind it begins a new history. What breaks the contract goes to the "
    "dead-letter topic with one of the reasons "
    f"{', '.join(sorted(REASONS))}."
)
_MODEL_RULES = (
    f"The version that each region serves, in at most {MAX_ANNOUNCEMENT_BYTES} bytes. The record's key is the region; "
    "the latest announcement of a region wins, and the announcement of an older version rolls back."
)
_CATALOGUE_RULES = (
    "What is known of each video. The record's key is the UTF-8 bytes of the video id; the latest record counts, and a "
    "record without a value removes the video."
)


def event_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a member event."""
    (schema,), definitions = _schemas([Event], "#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Member event",
        "description": _EVENT_RULES,
        **schema,
        "$defs": definitions,
    }


def asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document of the topics that others write to or read from."""
    types = {
        "play": Play,
        "rate": Rate,
        "browse": Browse,
        "announcement": Announcement,
        "catalogueEntry": CatalogueEntry,
    }
    schemas, definitions = _schemas([*types.values(), Identifier, Region], "#/components/schemas/{name}")
    payloads = dict(zip(types, schemas, strict=False))
    identifier, region = schemas[len(types) :]
    messages = {
        name: _message(types[name].__name__, payload, region if name == "announcement" else identifier)
        for name, payload in payloads.items()
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Nearline",
            "version": _CONTRACT_VERSION,
            "description": "Recommendations that follow what people do, as they do it.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "memberEvents": _channel(
                "member-events", ["play", "rate", "browse", "erasure"], "delete", 12, _EVENT_RULES
            ),
            "deadLetters": _channel("member-events.dlq", ["deadLetter"], "delete", 12, "Records that were rejected."),
            "catalogue": _channel("catalogue", ["catalogueEntry"], "compact", 1, _CATALOGUE_RULES),
            "models": _channel("models", ["announcement"], "compact", 1, _MODEL_RULES),
        },
        "operations": {
            "readMemberEvents": _operation("receive", "memberEvents"),
            "writeDeadLetters": _operation("send", "deadLetters"),
            "readCatalogue": _operation("receive", "catalogue"),
            "publishModel": _operation("send", "models"),
            "readModels": _operation("receive", "models"),
        },
        "components": {
            "messages": {**messages, "erasure": _erasure(identifier), "deadLetter": _dead_letter()},
            "schemas": definitions,
        },
    }


def contract_files() -> dict[str, bytes]:
    """Return the content of each contract file by its name."""
    documents = {"member-event.schema.json": event_schema(), "asyncapi.json": asyncapi()}
    return {name: msgspec.json.format(msgspec.json.encode(doc), indent=2) + b"\n" for name, doc in documents.items()}


def _schemas(types: list[Any], references: str) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    """Return the schemas of the types, and the definitions that they refer to, described by their summary lines."""
    schemas, definitions = _as_published(msgspec.json.schema_components(types, ref_template=references))
    for definition in definitions.values():
        definition["description"] = definition["description"].partition("\n")[0].replace("``", "")
    return schemas, definitions


def _as_published(schemas: Any) -> Any:
    """Return schemas under the contract's names, for others make their classes from these."""
    match schemas:
        case dict():
            return {_PUBLISHED.get(key, key): _as_published(value) for key, value in schemas.items()}
        case list() | tuple():
            return [_as_published(value) for value in schemas]
        case str():
            reference, _, name = schemas.rpartition("/")
            return (
                f"{reference}/{_PUBLISHED[name]}" if name in _PUBLISHED and reference else _PUBLISHED.get(name, schemas)
            )
    return schemas


def _message(name: str, payload: dict[str, Any], key: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "payload": payload, "bindings": {"kafka": {"key": key, "bindingVersion": "0.5.0"}}}


def _erasure(key: dict[str, Any]) -> dict[str, Any]:
    text = "Erases the user of the key, in the partition where it lies; the record has no value."
    return {"description": text, **_message("Erasure", {"type": "null"}, key)}


def _dead_letter() -> dict[str, Any]:
    headers = {
        TOPIC_HEADER: "The topic that the record came from.",
        PARTITION_HEADER: "Its partition, in decimal digits.",
        OFFSET_HEADER: "Its offset, in decimal digits.",
        EXCEPTION_HEADER: "The class of the error.",
        MESSAGE_HEADER: "What was wrong, in a sentence without the payload's values.",
    }
    properties: dict[str, Any] = {name: {"type": "string", "description": text} for name, text in headers.items()}
    properties[REASON_HEADER] = {"type": "string", "enum": sorted(REASONS)}
    required = sorted(properties)
    optional = {
        CUT_HEADER: "Bytes that the record had, where it was too large to be kept whole.",
        NULL_HEADER: "What was null, where a record had neither key nor value.",
    }
    properties |= {name: {"type": "string", "description": text} for name, text in optional.items()}
    return {
        "name": "DeadLetter",
        "contentType": "application/octet-stream",
        "description": "Key and value as received, byte for byte; only a record beyond 1 MiB is cut.",
        "headers": {"type": "object", "properties": properties, "required": required},
    }


def _channel(address: str, messages: list[str], cleanup: str, partitions: int, text: str) -> dict[str, Any]:
    kafka = {"partitions": partitions, "topicConfiguration": {"cleanup.policy": [cleanup]}}
    return {
        "address": address,
        "description": text,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"kafka": {**kafka, "bindingVersion": "0.5.0"}},
    }


def _operation(action: str, channel: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}
