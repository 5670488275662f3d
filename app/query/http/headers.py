"""Headers that every answer carries."""

from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy

SECURITY_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "nearline",
    "X-Content-Type-Options": "nosniff",
}
JSON_HEADERS: Final = CIMultiDictProxy(CIMultiDict({"Content-Type": "application/json", **SECURITY_HEADERS}))
