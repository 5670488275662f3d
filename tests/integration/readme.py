"""The README's commands: its batch-writing blocks, read as a person reads them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

README = Path(__file__).parents[2] / "README.md"
_BLOCK = re.compile(r"^```(sh|sh service|sh long)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One batch-writing block: commands to run to their end, services to leave running, or what takes minutes."""

    kind: Literal["sh", "sh service", "sh long"]
    text: str


def blocks() -> list[Block]:
    """Return the README's shell blocks in order."""
    return [Block(kind, text) for kind, text in _BLOCK.findall(README.read_text(encoding="utf-8"))]
