"""The host names of this server: a defence against DNS rebinding.

A malicious site can make its own name resolve to the address of this server, and then read the responses as its
own. The browser sends that name in the Host header. An address in that header cannot be rebound, and browsers
resolve `localhost` themselves.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable

_LOCALHOST_NAMES = frozenset({"localhost", "localhost.localdomain"})
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]{2,64}\]|[^\[\]:@/\s]{1,255})(?::[0-9]{0,5})?")
_ABSOLUTE = re.compile(r"(?i)https?://([^/]*)(/.*)?", re.DOTALL)


def served_names(*names: str) -> frozenset[str]:
    """Return the served names in normal form; addresses are always served."""
    return _LOCALHOST_NAMES | {_normal(name) for name in names if name}


def own_names() -> tuple[str, ...]:
    """Return the names of this machine, with and without the domain."""
    name = socket.gethostname()
    full = socket.getfqdn()
    return name, name.partition(".")[0], full, full.partition(".")[0]


def is_served(authority: str, names: frozenset[str]) -> bool:
    """Return whether `authority` (such as `name`, `name:port`, `[address]:port`) is an address or a served name.

    The port is not compared: it may be forwarded from another one.
    """
    match = _AUTHORITY.fullmatch(authority)
    if not match:
        return False
    name = _normal(match[1])
    wildcard = f"*.{name.partition('.')[2]}"  # as in certificates
    return name in names or wildcard in names or _is_address(name.strip("[]"))


def request_target(path: str, hosts: Iterable[str]) -> tuple[tuple[str, ...], str]:
    """Return the authorities in a request, and its path.

    The authority of an absolute target (`GET http://name/path`) takes precedence over Host, so both are returned.
    """
    match = _ABSOLUTE.fullmatch(path)
    return (match[1], *hosts) if match else tuple(hosts), (match[2] or "/") if match else path


def certificate_names(pem: bytes) -> tuple[str, ...]:
    """Return the host names in a certificate (PEM); empty if it has none, or cannot be parsed."""
    from cryptography import x509  # noqa: PLC0415 - only where TLS is used

    try:
        extensions = x509.load_pem_x509_certificate(pem).extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return tuple(names.get_values_for_type(x509.DNSName))
    except (ValueError, x509.ExtensionNotFound):
        return ()


def _normal(name: str) -> str:
    return name.lower().removesuffix(".")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
