from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from app.settings.fields import setting_fields
from app.settings.settings import Settings
from models.evaluation.canary import CanaryLimits
from models.parameters import parameters_of
from tables.rocksdb import RocksDBOptions


def test_defaults_are_those_of_the_design() -> None:
    settings = Settings()
    assert (settings.app_id, settings.store, settings.data_dir) == (
        "nearline",
        ".nearline/models",
        Path(".nearline/data"),
    )
    assert settings.kafka.bootstrap == "127.0.0.1:9092"
    assert (settings.topics.member_events, settings.topics.partitions) == ("member-events", 12)
    assert (settings.users.history_limit, settings.users.stored_scores) == (500, 100)
    assert (settings.http.port, settings.http.forward_timeout_ms) == (8080, 250)
    assert settings.models.signing_key is None


def test_the_environment_changes_nothing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEARLINE_APP_ID", "other")
    monkeypatch.setenv("app_id", "other")
    assert Settings().app_id == "nearline"


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().http.port = 1  # type: ignore[misc]


def test_every_field_is_described_and_every_number_has_a_range() -> None:
    for section in (Settings(), *(value for _, value in Settings() if isinstance(value, BaseModel))):
        for name, entry in type(section).model_json_schema()["properties"].items():
            assert "$ref" in entry or entry["description"].endswith("."), name
            if entry.get("type") in {"integer", "number"}:
                assert {"minimum", "maximum"} <= entry.keys(), name


@pytest.mark.parametrize(
    "wrong",
    [
        {"unknown": 1},
        {"http": {"unknown": 1}},
        {"http": {"port": 0}},
        {"http": {"port": 65_536}},
        {"http": {"port": "x"}},
        {"http": {"read_keys": "short"}},
        {"http": {"read_keys": ["long enough", "short"]}},
        {"models": {"signing_key": "short"}},
        {"log": {"level": "LOUD"}},
        {"worker": {"id": "a b"}},
        {"worker": {"id": "a\n"}},
        {"worker": {"id": "../a"}},
        {"worker": {"drain_seconds": float("nan")}},
        {"worker": {"drain_seconds": float("inf")}},
        {"worker": {"drain_seconds": 20.0}},
        {"popularity": {"fallback_days": 31}},
        {"topics": {"models": "catalogue"}},
        {"topics": {"models": "member-events.dlq"}},
        {"topics": {"partitions": 1024}, "worker": {"rocksdb_memory_mb": 511}},
        {"topics": {"partitions": 200}, "worker": {"open_files": 3399}},
        {"kafka": {"bootstrap": "localhost"}},
        {"kafka": {"bootstrap": "localhost:0"}},
        {"kafka": {"bootstrap": "localhost:65536"}},
        {"kafka": {"bootstrap": "kafka://localhost:9092"}},
        {"kafka": {"bootstrap": "one:1, two:2"}},
        {"kafka": {"bootstrap": ""}},
    ],
    ids=str,
)
def test_what_is_not_allowed_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)


def test_files_and_memory_are_enough_for_every_number_of_partitions_that_is_allowed() -> None:
    for partitions in (1, 12, 60, 61, 200, 1024):
        settings = Settings.model_validate({"topics": {"partitions": partitions}})
        assert settings.rocksdb_files == max(1024, 17 * partitions)
        assert settings.rocksdb_memory_mb == max(256, -(-partitions // 2))
        RocksDBOptions.from_budget(settings.rocksdb_memory_mb << 20, partitions, settings.rocksdb_files)
    assert Settings.model_validate({"worker": {"open_files": 300}}).rocksdb_files == 300


def test_what_is_too_little_for_the_partitions_is_refused_with_both_numbers() -> None:
    wrong = {"topics": {"partitions": 200}, "worker": {"open_files": 3399}}
    with pytest.raises(ValidationError, match=r"worker.open_files=3399 .* topics.partitions=200: at least 3400"):
        Settings.model_validate(wrong)


@pytest.mark.parametrize("bootstrap", ["a:1", "a.b-c:9092,10.0.0.1:65535", "[::1]:9092"])
def test_addresses(bootstrap: str) -> None:
    assert Settings.model_validate({"kafka": {"bootstrap": bootstrap}}).kafka.bootstrap == bootstrap


@pytest.mark.parametrize(
    "keys", ["12345678,abcdefgh", "12345678\nabcdefgh", " 12345678 , abcdefgh ", ["12345678", "abcdefgh"]]
)
def test_keys_come_as_one_text_or_as_a_list(keys: object) -> None:
    found = Settings.model_validate({"http": {"admin_keys": keys}}).http.admin_keys
    assert [key.get_secret_value() for key in found] == ["12345678", "abcdefgh"]


def test_secrets_do_not_show() -> None:
    settings = Settings.model_validate({"http": {"admin_keys": "12345678"}, "models": {"signing_key": "abcdefgh"}})
    for text in (repr(settings), str(settings), settings.model_dump_json()):
        assert "12345678" not in text
        assert "abcdefgh" not in text


@pytest.mark.parametrize(
    ("http", "url"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"bind": "0.0.0.0"}, "http://127.0.0.1:8080"),  # noqa: S104
        ({"bind": "::"}, "http://127.0.0.1:8080"),
        ({"bind": "10.1.2.3", "port": 81}, "http://10.1.2.3:81"),
        ({"bind": "::1"}, "http://[::1]:8080"),
        ({"bind": "0.0.0.0", "advertised_host": "worker-1"}, "http://worker-1:8080"),  # noqa: S104
    ],
)
def test_the_address_for_other_workers(http: dict[str, object], url: str) -> None:
    assert Settings.model_validate({"http": http}).http.advertised_url == url


def test_the_limits_of_the_canary_are_those_of_the_model_room() -> None:
    limits = Settings().canary.model_dump(exclude={"users", "min_users"})
    assert CanaryLimits(**limits) == CanaryLimits()
    assert limits == {
        "min_overlap": 0.1,
        "max_score_drift": 2.0,
        "min_coverage_ratio": 0.2,
        "max_popularity_rise": 0.5,
        "max_nothing_rise": 0.05,
        "max_held_out_rise": 0.2,
    }
    for limit in parameters_of(CanaryLimits):
        assert setting_fields()[f"canary.{limit.name}"].description == limit.help
