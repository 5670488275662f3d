"""Which model something was made with: region, version and digest, for a version's name alone is not one model.

Two regions may each have a version of one name, and a version may be put into the store again under its name.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

DIGEST_BYTES: Final = 8
"""So much of the SHA-256 of ``manifest.json`` tells one model of a region and a name from another."""

NO_DIGEST: Final = bytes(DIGEST_BYTES)
"""Of a model that was not read from a store."""


@dataclass(frozen=True)
class ModelId:
    """The identity of a model; equal ones are one model.

    Parameters
    ----------
    region : of the model, which is ``global`` for a user whose own region has none.
    version : its name.
    digest : the first `DIGEST_BYTES` of the SHA-256 of its manifest, or `NO_DIGEST`.
    """

    region: str
    version: str
    digest: bytes = NO_DIGEST

    @cached_property
    def encoded(self) -> bytes:
        """The identity as bytes, at most 105, for rows; equal where identities are, and never empty."""
        return self.digest + f"{self.region}/{self.version}".encode()

    def __str__(self) -> str:
        return f"{self.region}/{self.version}"


def encoded_version(encoded: bytes) -> str:
    """Return the version's name in an encoded identity, "" in anything that is none."""
    return encoded[DIGEST_BYTES:].partition(b"/")[2].decode(errors="replace")
