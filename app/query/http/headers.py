"""Headers that every answer carries, and those by which a worker knows what another asks."""

from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy, istr

HOP_HEADER: Final = istr("X-Nearline-Hop")
"""Marks a request that a worker passed on; it goes no further."""

ELSEWHERE_HEADER: Final = istr("X-Nearline-Elsewhere")
"""Marks a question about a user who is not where murmur2 says: whoever is asked looks into its own partitions only."""

SECURITY_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "nearline",
    "X-Content-Type-Options": "nosniff",
}
JSON_HEADERS: Final = CIMultiDictProxy(CIMultiDict({"Content-Type": "application/json", **SECURITY_HEADERS}))
