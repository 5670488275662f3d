"""A worker for whose consumer aiokafka's poll interval is cut; the arguments after the seconds are the command line's.

python -m tests.integration.short_poll SECONDS worker --id 0 ...
"""

import sys
from typing import Any

from app.__main__ import main
from app.settings.settings import Settings
from app.worker import factory
from app.worker.faust_app import make_faust_app
from app.worker.faust_seam import StreamApp


def _with_interval(seconds: float) -> Any:
    def make(settings: Settings) -> StreamApp:
        made = make_faust_app(settings)
        made.conf.broker_max_poll_interval = seconds
        return made

    return make


if __name__ == "__main__":
    factory.make_faust_app = _with_interval(float(sys.argv.pop(1)))  # type: ignore[attr-defined]
    main()
