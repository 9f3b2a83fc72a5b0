"""Algorithms that olaudit offers: those of a current OpenSSH, as far as ssh_config allows them."""

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass

from olaudit.model import FailureReason
from olaudit.transport import HostFailed
from olaudit.transport.reasons import format_names
from olaudit.transport.ssh.host import Settings

# In order of preference: the fastest of equally safe algorithms first. OpenSSH 6.6 (2014) has one of each kind.
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
# hmac-sha1 is a default of OpenSSH 9: the weakness of SHA-1 does not affect HMAC
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
    """Algorithms that one connection offers, in order of preference."""

    kex: tuple[str, ...] = KEX
    ciphers: tuple[str, ...] = CIPHERS
    macs: tuple[str, ...] = MACS
    host_keys: tuple[str, ...] = HOST_KEYS


def filter_allowed(supported: Iterable[str], setting: str) -> tuple[str, ...]:
    """Filter algorithms by a list of ssh_config: names and patterns, or `+`, `^`, `-` to change the default."""
    patterns = setting.lstrip("+-^").split(",")
    if not setting or setting[0] in "+^":
        return tuple(supported)

    def is_listed(name: str) -> bool:
        return any(
            fnmatch.fnmatchcase(alias, pattern)
            for alias in (name, _ALIASES.get(name, name))
            for pattern in patterns
        )

    return tuple(name for name in supported if is_listed(name) != (setting[0] == "-"))


def build_offer(settings: Settings, key_types: tuple[str, ...]) -> Offer:
    """Select the algorithms to offer to a host, with its known types of host key first. Raises HostFailed."""
    configured = settings.algorithms
    keys = _choose(settings, "HostKeyAlgorithms", HOST_KEYS, configured.host_keys)
    return Offer(
        kex=_choose(settings, "KexAlgorithms", KEX, configured.kex),
        ciphers=_choose(settings, "Ciphers", CIPHERS, configured.ciphers),
        macs=_choose(settings, "MACs", MACS, configured.macs),
        host_keys=tuple(sorted(keys, key=lambda name: name not in key_types)),
    )


def _choose(settings: Settings, keyword: str, supported: tuple[str, ...], setting: str) -> tuple[str, ...]:
    if algorithms := filter_allowed(supported, setting):
        return algorithms
    raise HostFailed(
        FailureReason.SSH,
        f"{settings}: ssh_config's {keyword} allows {format_names(setting.split(','))}, "
        f"and olaudit supports only {format_names(supported)}",
    )
