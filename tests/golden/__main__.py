"""``python -m tests.golden [--write]``: say where users would see something else than is written down, or write it."""

import argparse
import sys
from collections.abc import Sequence

from tests.golden.lists import FOLDER, current_lists, differences, encode_lists, read_golden


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when nothing differs or it was written, 1 when something does."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.golden", description="What fixed users see of a fixed model."
    )
    parser.add_argument("--write", action="store_true", help="take over what the code gives now")
    options = parser.parse_args(arguments)
    path, current = FOLDER / "lists.json", current_lists()
    changed = differences(read_golden() if path.exists() else {}, current)
    sys.stdout.write("".join(f"{line}\n" for line in changed) or "nothing differs\n")
    if changed and options.write:
        path.write_text(encode_lists(current), encoding="utf-8")
        sys.stdout.write(f"wrote {path.name}\n")
    return int(bool(changed) and not options.write)


if __name__ == "__main__":
    sys.exit(main())
