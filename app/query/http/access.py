"""API keys: who may call what."""

from collections.abc import Iterable
from dataclasses import dataclass
from hmac import compare_digest
from typing import Literal

from app.query.http.problems import KEY_NEEDED, SCOPE_NEEDED, Problem

Scope = Literal["open", "read", "admin"]


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that are configured; without any, everything is open."""

    read: tuple[bytes, ...]
    admin: tuple[bytes, ...]

    @classmethod
    def of(cls, read: Iterable[str], admin: Iterable[str]) -> "Keys":
        """Make them of the settings' texts."""
        return cls(tuple(key.encode() for key in read), tuple(key.encode() for key in admin))

    @property
    def needed(self) -> bool:
        """Whether any key is configured."""
        return bool(self.read or self.admin)

    def check(self, authorization: str | None, scope: Scope) -> None:
        """Check the header `Authorization` of a request for something of a scope.

        An admin key may read, too. Nobody is admin where only read keys are configured. The time taken tells nothing
        about a key but its length.

        Raises
        ------
        Problem
            401 without a known key, 403 when the key's scope is too small.
        """
        if scope == "open" or not self.needed:
            return
        kind, _, token = (authorization or "").partition(" ")
        given = token.strip().encode(errors="surrogateescape") if kind.lower() == "bearer" else b""
        is_admin = _is_one_of(given, self.admin)
        may_read = _is_one_of(given, self.read)
        if not (is_admin or may_read):
            raise Problem(KEY_NEEDED, "send `Authorization: Bearer KEY`", {"WWW-Authenticate": "Bearer"})
        if scope == "admin" and not is_admin:
            wanted = {"WWW-Authenticate": 'Bearer error="insufficient_scope", scope="admin"'}
            raise Problem(SCOPE_NEEDED, "this call needs a key of the scope admin", wanted)


def _is_one_of(given: bytes, keys: tuple[bytes, ...]) -> bool:
    return sum(compare_digest(given, key) for key in keys) > 0  # every key is compared, whichever fits
