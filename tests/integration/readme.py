"""The documents' commands: their shell blocks, read as a person reads them, the README first."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.architecture.documents import README, documents, text_of

__all__ = ["README", "Block", "blocks", "ports_of"]

Kind = Literal["sh", "sh service", "sh checkout", "sh long"]

_BLOCK = re.compile(r"^```(sh[^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PORT = re.compile(r"port (\d+)")


@dataclass(frozen=True, slots=True)
class Block:
    """One shell block.

    Parameters
    ----------
    document : where it stands.
    kind : commands to run to their end, services to leave running, commands that need the checkout as their folder, or
        what takes minutes.
    text : the commands.
    """

    document: Path
    kind: Kind
    text: str


def blocks() -> list[Block]:
    """Return the shell blocks of all documents, in the order in which people come to them."""
    return [Block(path, kind, text) for path in documents() for kind, text in _BLOCK.findall(text_of(path))]


def ports_of(some: list[Block]) -> list[str]:
    """Return the ports that services listen on, each once."""
    return list(
        dict.fromkeys(port for block in some if block.kind == "sh service" for port in _PORT.findall(block.text))
    )
