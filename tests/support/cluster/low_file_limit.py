"""A worker that is started with a soft limit of so many open files.

python -m tests.support.cluster.low_file_limit 256 worker --id 0 ...
"""

import resource
import sys

from app.__main__ import main

if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv.pop(1)), hard))
    main()
