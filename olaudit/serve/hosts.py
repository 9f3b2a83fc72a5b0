"""The names under which this server is reached: a defence against DNS rebinding.

A page of another site can let its own name resolve to our address, and then read our answers as its own. Its
browser says so in the Host header. An address in that header cannot be rebound, and a browser resolves `localhost`
itself.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable

_ALWAYS = frozenset({"localhost", "localhost.localdomain"})
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]{2,64}\]|[^\[\]:@/\s]{1,255})(?::[0-9]{0,5})?")
_ABSOLUTE = re.compile(r"(?i)https?://([^/]*)(/.*)?", re.DOTALL)


def served_names(*names: str) -> frozenset[str]:
    """Give the names that are served, in the form in which they are compared; addresses always are."""
    return _ALWAYS | {_normal(name) for name in names if name}


def own_names() -> tuple[str, ...]:
    """Give this machine's own names, with the domain and without."""
    name = socket.gethostname()
    full = socket.getfqdn()
    return name, name.partition(".")[0], full, full.partition(".")[0]


def is_served(authority: str, names: frozenset[str]) -> bool:
    """Tell whether `authority` (such as `name`, `name:port`, `[address]:port`) is an address or a name of ours.

    The port is not compared: it may be forwarded from another one.
    """
    match = _AUTHORITY.fullmatch(authority)
    if not match:
        return False
    name = _normal(match[1])
    wildcard = f"*.{name.partition('.')[2]}"  # as in certificates
    return name in names or wildcard in names or _is_address(name.strip("[]"))


def request_target(path: str, hosts: Iterable[str]) -> tuple[tuple[str, ...], str]:
    """Give the authorities that a request names, and its path.

    A request in absolute form (`GET http://name/path`) names one that takes precedence over Host, so both count.
    """
    match = _ABSOLUTE.fullmatch(path)
    return (match[1], *hosts) if match else tuple(hosts), (match[2] or "/") if match else path


def certificate_names(pem: bytes) -> tuple[str, ...]:
    """Give the host names in a certificate (PEM); none where it names none, or cannot be parsed."""
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
