"""A server that speaks S3 as a process of its own: moto's, with everything in memory.

    python -m tests.support.s3_process PORT

Port 0 is a free one; the port is the first line of its output. It ends when its standard input does, so at the latest
with whoever started it.
"""

import sys

from moto.moto_server.threaded_moto_server import ThreadedMotoServer


def main() -> None:
    """Serve on loopback."""
    server = ThreadedMotoServer("127.0.0.1", int(sys.argv[1]), verbose=False)
    server.start()
    sys.stdout.write(f"{server.get_host_and_port()[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
