"""Access control: the host names of this server, and users with passwords; without users, access is open.

The host names are a defence against DNS rebinding: a malicious site can make its own name resolve to the address
of this server, and then read the responses as its own. The browser sends that name in the Host header. An address
in that header cannot be rebound, and browsers resolve `localhost` themselves.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import re
import secrets
import socket
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import bcrypt

_DUMMY_HASH = b"$2b$10$" + b"." * 53
"""Compared for unknown users, so that a response takes equally long whether or not the user exists."""

_PASSWORD_BYTES = 72  # the maximum that bcrypt uses; it refuses longer passwords
_CACHE_SIZE = 100

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


def _normal(name: str) -> str:
    return name.lower().removesuffix(".")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


class Guard:
    """Access control by the bcrypt hashes of users.

    A comparison takes a tenth of a second, so successful ones are cached.
    """

    def __init__(self, users: Mapping[str, str], names: frozenset[str] = served_names()) -> None:
        self._names = names
        self._key = secrets.token_bytes(32)
        self._verified: set[bytes] = set()  # keyed digests: no password is stored
        self.replace(users)
        # one comparison at a time: password guessing uses at most one core
        self._executor = ThreadPoolExecutor(1, "passwords")

    def replace(self, users: Mapping[str, str]) -> None:
        """Use other users from now on."""
        self._users = {user: hashed.encode() for user, hashed in users.items()}
        self._verified.clear()

    def serves(self, hosts: Iterable[str]) -> bool:
        """Return whether every host name in a request is a name or an address of this server."""
        return all(is_served(host, self._names) for host in hosts)

    async def admits(self, authorization: str) -> bool:
        """Return whether a request with this Authorization header is authenticated."""
        if not self._users:
            return True
        if (credentials := _basic_credentials(authorization)) is None:
            return False
        user, password = credentials
        hashed = self._users.get(user)
        digest = hmac.digest(self._key, b"\0".join((user.encode(), hashed or b"", password)), hashlib.sha256)
        if digest in self._verified:
            return True
        loop = asyncio.get_running_loop()
        matches = await loop.run_in_executor(self._executor, _matches, password, hashed or _DUMMY_HASH)
        if not matches or hashed is None:
            return False
        if len(self._verified) >= _CACHE_SIZE:
            self._verified.clear()
        self._verified.add(digest)
        return True


def _matches(password: bytes, hashed: bytes) -> bool:
    return bcrypt.checkpw(password[:_PASSWORD_BYTES], hashed) and len(password) <= _PASSWORD_BYTES


def _basic_credentials(authorization: str) -> tuple[str, bytes] | None:
    """Parse user and password from an Authorization header; None if it is not valid Basic authentication."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon else None
    except (binascii.Error, UnicodeDecodeError):
        return None
