from pathlib import Path

import pytest

from app.settings.fields import setting_fields
from app.settings.settings import Settings
from app.settings.sources import MASK, SettingsInvalid, load_settings


def refused(**sources: object) -> list[str]:
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(**{"environ": {}, **sources})  # type: ignore[arg-type]
    return caught.value.problems


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    return folder


def toml(folder: Path, text: str) -> Path:
    file = folder / "nearline.toml"
    file.write_text(text)
    return file


def test_without_sources_all_is_default() -> None:
    effective = load_settings(environ={"PATH": "/bin", "KAFKA_BOOTSTRAP": "x", "APP_ID": "x"})
    assert effective.settings == Settings()
    assert {origin for _, _, origin in effective.rows()} == {"default"}


def test_each_source_beats_the_ones_after_it(tmp_path: Path, secrets: Path) -> None:
    file = toml(
        tmp_path, 'app_id = "file"\nstore = "file"\n[worker]\nid = "file"\n[topics]\nmodels = "file"\n[http]\nport = 1'
    )
    for name in ("NEARLINE_APP_ID", "NEARLINE_STORE", "NEARLINE_WORKER__ID"):
        (secrets / name).write_text("secret\n")
    environ = {
        "NEARLINE_CONFIG": str(file),
        "NEARLINE_SECRETS_DIR": str(secrets),
        "NEARLINE_APP_ID": "env",
        "NEARLINE_STORE": "env",
    }
    effective = load_settings({"app_id": "option"}, environ=environ)
    settings, origins = effective.settings, effective.origins
    assert (settings.app_id, origins["app_id"]) == ("option", "option")
    assert (settings.store, origins["store"]) == ("env", "env NEARLINE_STORE")
    assert (settings.worker.id, origins["worker.id"]) == ("secret", f"secret {secrets}/NEARLINE_WORKER__ID")
    assert (settings.topics.models, origins["topics.models"]) == ("file", f"file {file}")
    assert (settings.http.port, origins["http.port"]) == (1, f"file {file}")
    assert (settings.topics.catalogue, origins.get("topics.catalogue")) == ("catalogue", None)


def test_the_option_config_beats_its_variable(tmp_path: Path) -> None:
    file = toml(tmp_path, 'app_id = "given"')
    assert load_settings(config=file, environ={"NEARLINE_CONFIG": "nowhere"}).settings.app_id == "given"


def test_texts_become_numbers_and_truth_values() -> None:
    environ = {"NEARLINE_HTTP__PORT": "81", "NEARLINE_WORKER__STATIC_MEMBERSHIP": "false", "NEARLINE_DATA_DIR": "d"}
    settings = load_settings(environ=environ).settings
    assert (settings.http.port, settings.worker.static_membership, settings.data_dir) == (81, False, Path("d"))


@pytest.mark.parametrize(
    "name",
    [
        "NEARLINE_UNKNOWN",
        "NEARLINE_",
        "NEARLINE_HTTP",
        "NEARLINE_HTTP__UNKNOWN",
        "NEARLINE_HTTP__PORT__UNKNOWN",
        "NEARLINE_HTTP_PORT",
        "NEARLINE_http__port",
    ],
)
def test_an_unknown_variable_is_refused_by_name(name: str) -> None:
    (problem,) = refused(environ={name: "1", "NEARLINE_HTTP__PORT": "81"})
    assert problem.startswith(f"unknown setting {name} in the environment; ")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("unknown = 1", "unknown"),
        ("[unknown]\nport = 1", "unknown"),
        ("[http]\nunknown = 1", "http.unknown"),
        ("[http.unknown]\nport = 1", "http.unknown"),
        ('"http.port" = 1', "http.port"),
    ],
)
def test_an_unknown_key_is_refused_by_name(tmp_path: Path, text: str, name: str) -> None:
    file = toml(tmp_path, text)
    (problem,) = refused(config=file)
    assert problem.startswith(f"unknown setting {name} in {file}; ")


def test_an_unknown_secret_is_refused_by_name(secrets: Path) -> None:
    (secrets / "NEARLINE_TYPO").write_text("x")
    (secrets / "..data").mkdir()  # how Kubernetes mounts them
    (problem,) = refused(environ={"NEARLINE_SECRETS_DIR": str(secrets)})
    assert problem.startswith(f"unknown setting NEARLINE_TYPO in {secrets}; ")


def test_a_near_miss_gets_advice() -> None:
    assert refused(environ={"NEARLINE_HTTP__PROT": "1"}) == [
        "unknown setting NEARLINE_HTTP__PROT in the environment; did you mean NEARLINE_HTTP__PORT?"
    ]


def test_all_unknown_names_are_told_at_once(tmp_path: Path) -> None:
    problems = refused(config=toml(tmp_path, "one = 1"), environ={"NEARLINE_TWO": "2", "NEARLINE_THREE": "3"})
    assert [problem.split()[2] for problem in problems] == ["one", "NEARLINE_THREE", "NEARLINE_TWO"]


def test_a_wrong_value_is_refused_with_name_value_origin_and_range() -> None:
    (problem,) = refused(environ={"NEARLINE_HTTP__PORT": "70000"})
    assert problem.startswith("http.port='70000' (env NEARLINE_HTTP__PORT) is refused: ")
    assert problem.endswith("; allowed: 1 to 65535")


def test_a_wrong_secret_is_refused_without_its_value() -> None:
    problems = refused(environ={"NEARLINE_MODELS__SIGNING_KEY": "hushhus", "NEARLINE_HTTP__READ_KEYS": "hushhus"})
    assert len(problems) == 2
    for problem in problems:
        assert "hush" not in problem
        assert f"={MASK} (env NEARLINE_" in problem
        assert problem.endswith("allowed: at least 8 characters")


def test_a_rule_about_two_settings_names_both() -> None:
    (problem,) = refused(options={"worker.drain_seconds": 30.0})
    assert problem == "worker: drain_seconds=30.0 must be below stop_seconds=20.0"


def test_a_section_must_be_a_table(tmp_path: Path) -> None:
    file = toml(tmp_path, "http = 3")
    assert refused(config=file) == [f"http in {file} must be a table, [http]"]


@pytest.mark.parametrize(
    "content", [b"= 1", b"\xff", b"x = " + b"[" * 3000, None], ids=["no TOML", "no UTF-8", "deep", "missing"]
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "nearline.toml"
    if content is not None:
        file.write_bytes(content)
    (problem,) = refused(config=file)
    assert problem.startswith(f"cannot read the settings in {file}: ")


def test_a_folder_of_secrets_that_is_missing_is_refused(tmp_path: Path) -> None:
    (problem,) = refused(environ={"NEARLINE_SECRETS_DIR": str(tmp_path / "none")})
    assert problem.startswith(f"cannot read the secrets in {tmp_path / 'none'}")


def test_rows_mask_secrets_and_hold_all_settings() -> None:
    effective = load_settings(
        environ={"NEARLINE_MODELS__SIGNING_KEY": "12345678", "NEARLINE_HTTP__READ_KEYS": "abcdefgh"}
    )
    rows = {field.name: (value, origin) for field, value, origin in effective.rows()}
    assert rows.keys() == setting_fields().keys()
    assert rows["models.signing_key"] == (MASK, "env NEARLINE_MODELS__SIGNING_KEY")
    assert rows["http.read_keys"] == ([MASK], "env NEARLINE_HTTP__READ_KEYS")
    assert rows["http.admin_keys"] == ([], "default")
    assert effective.secrets() == ["abcdefgh", "12345678"]


def test_fields_know_their_names_and_ranges() -> None:
    fields = setting_fields()
    assert fields["worker.drain_seconds"].variable == "NEARLINE_WORKER__DRAIN_SECONDS"
    assert fields["worker.drain_seconds"].allowed == "0.1 to 3600"
    assert fields["log.format"].allowed == "one of text, json"
    assert fields["worker.static_membership"].allowed == "true or false"
    assert [name for name, field in fields.items() if field.secret] == [
        "models.signing_key",
        "http.admin_keys",
        "http.read_keys",
    ]
