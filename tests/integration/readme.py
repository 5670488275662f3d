"""The README's commands: its fenced blocks, read as a person reads them."""

import re
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
_BLOCK = re.compile(r"^```(sh|sh service)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: commands to run to their end, or services to leave running."""

    is_service: bool
    text: str


def blocks() -> list[Block]:
    """Return the README's shell blocks in order."""
    return [Block(kind == "sh service", text) for kind, text in _BLOCK.findall(README.read_text(encoding="utf-8"))]
