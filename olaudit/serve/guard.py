"""Who may ask: users with passwords, as the web configuration lists them; everybody, where it lists none."""

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

_NOBODY = b"$2b$10$" + b"." * 53
"""Checked where there is no such user: a name that exists must take no longer to refuse than one that does not."""

_MOST_BYTES = 72  # of a password count for bcrypt, which refuses longer ones
_REMEMBERED = 100


class Guard:
    """Knows bcrypt hashes by user. Checking one takes a tenth of a second, so what was right is remembered."""

    def __init__(self, users: Mapping[str, str], names: frozenset[str] = served_names()) -> None:
        self._names = names
        self._users = {user: hashed.encode() for user, hashed in users.items()}
        self._key = secrets.token_bytes(32)
        self._right: set[bytes] = set()  # keyed digests: no password is kept
        # one at a time: whoever guesses waits for other guesses, and costs nobody more than one core
        self._aside = ThreadPoolExecutor(1, "passwords")

    def replace(self, users: Mapping[str, str]) -> None:
        """Know other users from now on."""
        self._users = {user: hashed.encode() for user, hashed in users.items()}
        self._right.clear()

    def serves(self, hosts: Iterable[str]) -> bool:
        """Tell whether all names by which a request calls this server are names or addresses of it."""
        return all(is_served(host, self._names) for host in hosts)

    async def admits(self, authorization: str) -> bool:
        """Say whether a request with this Authorization header is to be answered."""
        if not self._users:
            return True
        if (given := _basic(authorization)) is None:
            return False
        user, password = given
        hashed = self._users.get(user)
        seal = hmac.digest(self._key, b"\0".join((user.encode(), hashed or b"", password)), hashlib.sha256)
        if seal in self._right:
            return True
        loop = asyncio.get_running_loop()
        right = await loop.run_in_executor(self._aside, _matches, password, hashed or _NOBODY)
        if not right or hashed is None:
            return False
        if len(self._right) >= _REMEMBERED:
            self._right.clear()
        self._right.add(seal)
        return True


def _matches(password: bytes, hashed: bytes) -> bool:
    return bcrypt.checkpw(password[:_MOST_BYTES], hashed) and len(password) <= _MOST_BYTES


def _basic(authorization: str) -> tuple[str, bytes] | None:
    """Read user and password out of a header."""
    scheme, _, coded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(coded.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon else None
    except (binascii.Error, UnicodeDecodeError):
        return None
