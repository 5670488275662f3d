import socket

import pytest

from deploy.kafka import ports


def test_servers_get_ports_below_the_range_of_clients() -> None:
    assert ports.server_ports(32_768, 60_999) == range(10_000, 32_768)


def test_or_above_it_where_there_is_no_room_below() -> None:
    assert ports.server_ports(1_024, 60_999) == range(61_000, 65_536)


def test_or_anywhere_when_clients_may_take_nearly_all() -> None:
    assert ports.server_ports(1_024, 65_535) == range(10_000, 65_536)


def test_free_ports_are_different_and_outside_the_range_of_clients() -> None:
    found = ports.free_ports(3)
    assert len(set(found)) == 3
    assert all(port in ports.server_ports(*ports.ephemeral_range()) for port in found)


def test_a_port_with_a_listener_is_not_free() -> None:
    with socket.create_server((ports.LOOPBACK, 0)) as server:
        assert not ports.is_free(server.getsockname()[1])


def test_too_few_free_ports_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda port: port == 12_345)
    monkeypatch.setattr(ports, "ephemeral_range", lambda: (32_768, 60_999))
    with pytest.raises(OSError, match=r"only 1 free ports .* 2 needed"):
        ports.free_ports(2)
