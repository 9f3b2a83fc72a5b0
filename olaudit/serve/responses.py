"""Answers to HTTP requests, as values: whole before a byte of them is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

TEXT = "text/plain; charset=utf-8"

_ALWAYS = (
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
)
NOTHING_ALLOWED = "default-src 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy of all that is no page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer; its words are ours alone, never the client's."""

    status: int = 200
    body: bytes
    content_type: str = TEXT
    policy: str = NOTHING_ALLOWED
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Write the headers as ASGI has them."""
        own = (
            ("content-type", self.content_type),
            ("content-length", str(len(self.body))),
            ("content-security-policy", self.policy),
        )
        every = (*own, *_ALWAYS, *self.headers.items())
        return [(name.encode("ascii"), value.encode("latin-1")) for name, value in every]


def line(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer one line of text."""
    return Response(status=status, body=f"{text}\n".encode(), headers=headers or {})
