"""HTTP responses as values: complete before the first byte is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

TEXT = "text/plain; charset=utf-8"

_COMMON_HEADERS = (
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
)
DENY_ALL_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy of all responses except the live page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An HTTP response. It never contains text from the request."""

    status: int = 200
    body: bytes
    content_type: str = TEXT
    policy: str = DENY_ALL_POLICY
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers in the form that ASGI expects."""
        own = (
            ("content-type", self.content_type),
            ("content-length", str(len(self.body))),
            ("content-security-policy", self.policy),
        )
        headers = (*own, *_COMMON_HEADERS, *self.headers.items())
        return [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers]


def text_response(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Build a response with one line of text."""
    return Response(status=status, body=f"{text}\n".encode(), headers=headers or {})
