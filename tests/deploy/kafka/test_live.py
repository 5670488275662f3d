"""The launcher with a real broker."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import UnknownTopicOrPartitionError

from deploy.kafka import Broker
from deploy.kafka.metadata import live_brokers, parse_address
from tests.deploy.kafka.processes import is_gone

CHECKOUT = Path(__file__).parents[3]


async def test_the_same_broker_comes_back_after_stop_and_after_kill(own_broker: Broker) -> None:
    address = own_broker.address
    await produce(address, b"first", create=True)
    for end in (own_broker.stop, own_broker.kill):
        process = own_broker.pid
        assert process is not None
        await asyncio.to_thread(end)
        assert is_gone(process, seconds=0)
        assert own_broker.pid is None
        await asyncio.to_thread(own_broker.start)
        assert own_broker.address == address
        await produce(address, end.__name__.encode())
    assert await consume(address, 3) == [b"first", b"stop", b"kill"]


async def test_topics_are_not_made_by_asking_for_them(kafka: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        described = await admin.describe_topics(["nobody-made-this"])
    finally:
        await admin.close()
    assert described[0]["error_code"] == UnknownTopicOrPartitionError.errno


def command(*options: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start ``python -m deploy.kafka`` with its temporary files in `folder`."""
    environment = os.environ | {"TMPDIR": str(folder)}
    line = [sys.executable, "-m", "deploy.kafka", "--port", "0", *options]
    return subprocess.Popen(line, stdout=subprocess.PIPE, cwd=CHECKOUT, env=environment)


def java_of(folder: Path) -> int:
    """Return the id of the process whose command line names the folder."""
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"kafka.Kafka" in words and any(bytes(folder) in word for word in words):
                return int(process.name)
    raise AssertionError(f"no broker with {folder}")


@pytest.mark.kafka
def test_kill_9_of_the_starter_ends_the_broker_and_removes_its_data(tmp_path: Path) -> None:
    with command(folder=tmp_path) as starter:
        assert starter.stdout is not None
        address = starter.stdout.readline().decode().strip()
        process = java_of(tmp_path)
        supervisor = int((Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()[1])
        assert live_brokers(*parse_address(address)[0], timeout=5) == 1
        starter.kill()
    assert is_gone(process)
    assert is_gone(supervisor)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.kafka
def test_sigterm_ends_the_command_in_good_order_and_keeps_a_given_folder(tmp_path: Path) -> None:
    data = tmp_path / "broker"
    with command("--data-dir", str(data), folder=tmp_path) as starter:
        assert starter.stdout is not None
        host, port = parse_address(starter.stdout.readline().decode().strip())[0]
        starter.send_signal(signal.SIGTERM)
        assert starter.stdout.read() == b""
    assert starter.returncode == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, port))
    assert (data / "data" / "meta.properties").exists()
    assert "shutdown completed" in (data / "server.log").read_text()


async def produce(address: str, value: bytes, *, create: bool = False) -> None:
    if create:
        admin = AIOKafkaAdminClient(bootstrap_servers=address)
        await admin.start()
        await admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])
        await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=address, acks="all") as producer:
        await producer.send_and_wait("kept", value)


async def consume(address: str, count: int) -> list[bytes | None]:
    async with AIOKafkaConsumer("kept", bootstrap_servers=address, auto_offset_reset="earliest") as consumer:
        return [(await consumer.getone()).value for _ in range(count)]
