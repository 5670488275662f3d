"""Headers that every answer carries, and the one by which a worker knows what another passed on."""

from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy, istr

HOP_HEADER: Final = istr("X-Nearline-Hop")
"""Marks a request that a worker passed on; it goes no further."""

SECURITY_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "nearline",
    "X-Content-Type-Options": "nosniff",
}
JSON_HEADERS: Final = CIMultiDictProxy(CIMultiDict({"Content-Type": "application/json", **SECURITY_HEADERS}))
