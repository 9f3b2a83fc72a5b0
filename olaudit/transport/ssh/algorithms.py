"""The algorithms that olaudit offers: those of a current OpenSSH, within what ssh_config allows."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from olaudit.model import FailureReason
from olaudit.transport import HostFailed
from olaudit.transport.reasons import listed

if TYPE_CHECKING:
    from olaudit.transport.ssh.host import Settings

# The order is that of preference: the fastest of those that are equally safe. OpenSSH 6.6 (2014) has one of each.
KEX = (
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "mlkem768x25519-sha256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group14-sha256",
)
CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
# hmac-sha1 is among OpenSSH 9's defaults: the weakness of SHA-1 does not extend to it
MACS = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
    "hmac-sha1",
)
HOST_KEYS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
_ALIASES = {"curve25519-sha256@libssh.org": "curve25519-sha256"}


@dataclass(frozen=True, slots=True)
class Offer:
    """The algorithms that one connection offers, in the order of preference."""

    kex: tuple[str, ...] = KEX
    ciphers: tuple[str, ...] = CIPHERS
    macs: tuple[str, ...] = MACS
    host_keys: tuple[str, ...] = HOST_KEYS


def allowed(ours: Iterable[str], setting: str) -> tuple[str, ...]:
    """Keep what a list of ssh_config allows: names and patterns, or `+`, `^`, `-` to change the default."""
    patterns = setting.lstrip("+-^").split(",")
    if not setting or setting[0] in "+^":
        return tuple(ours)

    def is_listed(name: str) -> bool:
        return any(
            fnmatch.fnmatchcase(alias, pattern)
            for alias in (name, _ALIASES.get(name, name))
            for pattern in patterns
        )

    return tuple(name for name in ours if is_listed(name) != (setting[0] == "-"))


def offer(settings: Settings, key_types: tuple[str, ...]) -> Offer:
    """Decide what to offer to a host, types of host key by which it is known first. Raises HostFailed."""
    setting = settings.algorithms
    keys = _choose(settings, "HostKeyAlgorithms", HOST_KEYS, setting.host_keys)
    return Offer(
        kex=_choose(settings, "KexAlgorithms", KEX, setting.kex),
        ciphers=_choose(settings, "Ciphers", CIPHERS, setting.ciphers),
        macs=_choose(settings, "MACs", MACS, setting.macs),
        host_keys=tuple(sorted(keys, key=lambda name: name not in key_types)),
    )


def _choose(settings: Settings, keyword: str, ours: tuple[str, ...], setting: str) -> tuple[str, ...]:
    if chosen := allowed(ours, setting):
        return chosen
    raise HostFailed(
        FailureReason.SSH,
        f"{settings}: ssh_config's {keyword} allows {listed(setting.split(','))}, "
        f"and olaudit has only {listed(ours)}",
    )
