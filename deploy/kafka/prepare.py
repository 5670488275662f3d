"""``python -m deploy.kafka.prepare``: make sure that this machine can run a broker, and fetch the jars.

Exit status 0: it can, and how is said on standard error. 3: it cannot yet, and standard output names what is
missing (``java maven``), so that ``deploy/setup`` can install it and ask again. 1: the jars are not to be had.
"""

import sys

from deploy.kafka import archive, compose, jars, java, local
from deploy.kafka.broker import missing_for_local
from deploy.kafka.errors import JarsInvalid, NoWayToRun

CANNOT_RUN = 3


def main() -> int:
    """Prepare, report, return the exit status."""
    program, folder = java.find_java(), jars.jar_folder()
    missing = missing_for_local(program, folder)
    if program is None or missing:
        if compose.docker_answers():
            return _say("Kafka: Docker Compose will run the broker")
        sys.stdout.write(" ".join(missing) + "\n")
        _say(str(NoWayToRun(missing)))
        return CANNOT_RUN
    if not folder.is_dir():
        _say("Kafka: fetching the broker's jars with Maven (45 MB, once)")
    try:
        jars.ensure_jars(folder)
    except JarsInvalid as error:
        _say(f"error: {error}")
        return 1
    if not local.archive_of(folder).exists():
        _say("Kafka: starting a broker once, so that later ones start quicker")
        if not archive.write_archive(program, folder):
            _say("Kafka: that did not work; going on without")
    return 0


def _say(line: str) -> int:
    sys.stderr.write(line + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
