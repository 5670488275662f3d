"""Faust's configuration: what the settings say, whatever Faust's own environment names say."""

from pathlib import Path

import pytest

from app.settings.settings import HttpSettings, KafkaSettings, Settings, TopicSettings
from app.worker.factory import create_worker
from tables.batch_table import BatchTable


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of one worker."""
    return Settings(
        app_id="shop",
        data_dir=tmp_path / "data",
        store=str(tmp_path / "models"),
        kafka=KafkaSettings(bootstrap="10.0.0.1:9092,10.0.0.2:9092"),
        topics=TopicSettings(partitions=4),
        http=HttpSettings(port=8099),
    )


async def test_fausts_own_environment_names_change_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "BROKER_URL": "kafka://elsewhere:1",
        "WEB_PORT": "1",
        "WEB_BIND": "0.0.0.0",  # noqa: S104 - it must not be taken
        "APP_DATADIR": "/nowhere",
        "STORE_URL": "memory://",
        "PROCESSING_GUARANTEE": "exactly_once",
        "APP_ENV_PREFIX": "OTHER",
        "OTHER_WEB_PORT": "2",
    }.items():
        monkeypatch.setenv(name, value)
    conf = create_worker(settings).conf
    assert [str(url) for url in conf.broker] == ["kafka://10.0.0.1:9092", "kafka://10.0.0.2:9092"]
    assert (conf.web_port, conf.web_bind) == (8099, "127.0.0.1")
    assert str(conf.store) == "rocksdb:"
    assert conf.datadir == settings.data_dir
    assert "AT_LEAST_ONCE" in str(conf.processing_guarantee)


async def test_none_of_fausts_pages_is_served(settings: Settings) -> None:
    app = create_worker(settings)
    app.web.init_server()
    served = {resource.canonical for resource in app.http.router.resources()}
    assert "/v1/users/{user_id}/recommendations" in served
    assert not {path for path in served if path.startswith(("/table", "/router", "/graph", "/stats"))} | (
        served & {"/"}
    )


async def test_the_table_is_raw_and_its_changelog_is_the_topic_that_is_checked(settings: Settings) -> None:
    app = create_worker(settings)
    table = app.tables["users"]
    assert isinstance(table, BatchTable)
    assert (table.key_type, table.value_type) == (bytes, bytes)
    assert table.changelog_topic_name == "shop-users-changelog"
    assert (table.changelog_topic.partitions, table.changelog_topic.compacting) == (4, True)
