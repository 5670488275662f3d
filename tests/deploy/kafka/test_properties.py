from pathlib import Path

from deploy.kafka.properties import COMMON, broker_properties


def parse(text: str) -> dict[str, str]:
    pairs = [line.split("=", 1) for line in text.splitlines()]
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


def test_the_broker_listens_on_loopback_only() -> None:
    properties = parse(broker_properties(12_001, 12_002, Path("/data")))
    assert properties["listeners"] == "BROKER://127.0.0.1:12001,CONTROLLER://127.0.0.1:12002"
    assert properties["advertised.listeners"] == "BROKER://127.0.0.1:12001"
    assert properties["controller.quorum.voters"] == "1@127.0.0.1:12002"
    assert COMMON.items() <= properties.items()


def test_a_listener_behind_a_proxy_names_the_proxy() -> None:
    properties = parse(broker_properties(12_001, 12_002, Path("/data"), {13_001: 12_003, 13_002: 12_004}))
    own, behind = "BROKER://127.0.0.1:12001", "PROXY1://127.0.0.1:12003,PROXY2://127.0.0.1:12004"
    assert properties["listeners"] == f"{own},{behind},CONTROLLER://127.0.0.1:12002"
    assert properties["advertised.listeners"] == f"{own},PROXY1://127.0.0.1:13001,PROXY2://127.0.0.1:13002"
    named = "BROKER:PLAINTEXT,PROXY1:PLAINTEXT,PROXY2:PLAINTEXT,CONTROLLER:PLAINTEXT"
    assert properties["listener.security.protocol.map"] == named


def test_a_folder_of_any_name_is_written_as_java_reads_it() -> None:
    assert parse(broker_properties(1, 2, Path("/é\\x")))["log.dirs"] == "/\\u00e9\\\\x"


def test_the_container_has_the_same_settings() -> None:
    import deploy.kafka.properties as module

    compose = Path(module.__file__).with_name("compose.yaml").read_text().splitlines()
    for name, value in COMMON.items():
        assert f'      KAFKA_{name.upper().replace(".", "_")}: "{value}"' in compose
