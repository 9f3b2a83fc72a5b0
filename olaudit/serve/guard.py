"""Access control: users with passwords, as listed in the web configuration; without users, access is open."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import bcrypt

from olaudit.serve.hosts import is_served, served_names

_DUMMY_HASH = b"$2b$10$" + b"." * 53
"""Compared for unknown users, so that a response takes equally long whether or not the user exists."""

_PASSWORD_BYTES = 72  # the maximum that bcrypt uses; it refuses longer passwords
_CACHE_SIZE = 100


class Guard:
    """Access control by the bcrypt hashes of users.

    A comparison takes a tenth of a second, so successful ones are cached.
    """

    def __init__(self, users: Mapping[str, str], names: frozenset[str] = served_names()) -> None:
        self._names = names
        self._users = {user: hashed.encode() for user, hashed in users.items()}
        self._key = secrets.token_bytes(32)
        self._verified: set[bytes] = set()  # keyed digests: no password is stored
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
