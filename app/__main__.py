"""``python -m app`` and the console script ``nearline``."""

import sys

from app.own_packages import EXIT_CONFIGURATION, ForeignPackage, require_own_packages


def main() -> None:
    """Run the command line, after checking that the packages it will import are this checkout's."""
    try:
        require_own_packages()
    except ForeignPackage as error:
        sys.stderr.write(f"nearline: {error}\n")
        sys.exit(EXIT_CONFIGURATION)
    from app.cli.root import cli

    cli(prog_name="nearline")


if __name__ == "__main__":
    main()
