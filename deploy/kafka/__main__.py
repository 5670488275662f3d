"""``python -m deploy.kafka``: a broker until Ctrl-C or SIGTERM.

The first line on standard output is its address; everything else goes to standard error.
"""

import argparse
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from deploy.kafka import Broker, BrokerError
from deploy.kafka.errors import BrokerFailed
from deploy.kafka.plan import HEAP_MIB


def main(arguments: list[str] | None = None) -> int:
    """Run a broker until a signal comes; return the exit status (1: it failed or ended by itself)."""
    options = _parser().parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    broker = Broker(options.address, port=options.port, data_dir=options.data_dir, heap_mib=options.heap)
    try:
        broker.start()
        sys.stdout.write(f"{broker.address}\n")
        sys.stdout.flush()
        while broker.running():
            time.sleep(0.2)
        raise BrokerFailed(f"the broker at {broker.address} ended by itself")
    except KeyboardInterrupt:
        return 0
    except BrokerError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    finally:
        broker.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.kafka", description="Run a Kafka broker until Ctrl-C.")
    parser.add_argument("--port", type=_port, default=9092, help="loopback port, 0 for a free one (default 9092)")
    parser.add_argument("--data-dir", type=Path, help="folder that keeps its data (default: a temporary one)")
    parser.add_argument(
        "--heap", type=int, default=HEAP_MIB, metavar="MIB", help=f"largest Java heap (default {HEAP_MIB})"
    )
    parser.add_argument("--address", help="reach this broker instead of starting one")
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port < 65_536:
        raise argparse.ArgumentTypeError(f"{port} is not a port (0-65535)")
    return port


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM):  # once is enough: let the broker end in good order
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
