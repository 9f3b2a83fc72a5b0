"""Login with keys, and the reasons of its failures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import paramiko

from olaudit.model import FailureReason
from olaudit.transport import HostFailed
from olaudit.transport.reasons import describe_error, format_names
from olaudit.transport.ssh.keys import NO_FILE, UnusableKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from olaudit.transport import Deadline
    from olaudit.transport.ssh.host import Settings
    from olaudit.transport.ssh.keys import Identity, KeyRing
    from olaudit.transport.ssh.link import Link

_FIRST_RSA_SHA2_VERSION = (7, 2)


def log_in(link: Link, settings: Settings, ring: KeyRing, deadline: Deadline) -> None:
    """Authenticate `link` with the first key that the host accepts. Raises HostFailed: auth or timeout."""
    with ring.identities(settings, deadline) as identities:
        tried: list[Identity] = []
        unusable = list(identities.unusable)
        note = ""
        for identity in identities.usable:
            link.auth_timeout = deadline.timeout()
            tried.append(identity)
            try:
                other_methods = link.auth_publickey(settings.user, identity.key)
            except paramiko.BadAuthenticationType as error:
                note = f"the host accepts no keys, only {format_names(error.allowed_types)}"
                break
            except (paramiko.SSHException, EOFError, OSError, ValueError) as error:
                if deadline.passed():
                    message = f"{settings} did not finish the login within {deadline.seconds:g} s"
                    raise HostFailed(FailureReason.TIMEOUT, message) from None
                if not link.is_active():
                    raise _closed(link, settings, tried, error) from None
                if not isinstance(error, paramiko.AuthenticationException):
                    unusable.append(UnusableKey(tried.pop().name, f"it could not sign: {describe_error(error)}"))
                continue
            if not other_methods:
                return
            note = f"the host also requires {format_names(other_methods)}, which olaudit cannot provide"
            break
        if link.disconnect_message:
            note = f"the host disconnected: {link.disconnect_message}"
        raise HostFailed(FailureReason.AUTH, _rejection(link, settings, tried, unusable, note))


def _closed(link: Link, settings: Settings, tried: Sequence[Identity], error: BaseException) -> HostFailed:
    """Build the failure for a connection that the host closed during the login, as after too many keys."""
    names = ", ".join(identity.name for identity in tried)
    # paramiko's texts for a closed connection add no information
    closed = isinstance(error, EOFError) or re.search(r"session|saw EOF", str(error))
    reason = link.disconnect_message or ("" if closed else describe_error(error))
    return HostFailed(
        FailureReason.AUTH,
        f"{settings} closed the connection during the login of {settings.user} with {names}"
        f"{reason and f' ({reason})'}; "
        "if MaxAuthTries in its sshd_config is the cause, set IdentitiesOnly in ssh_config",
    )


def _rejection(
    link: Link, settings: Settings, tried: Sequence[Identity], unusable: Sequence[UnusableKey], note: str
) -> str:
    """Describe the rejected login: the user, the keys, and the most likely fix."""
    if tried:
        names = ", ".join(identity.name for identity in tried)
        text = f"{settings} rejected the login of {settings.user} with {names}"
    else:
        text = f"cannot log in to {settings} as {settings.user}: there is no key to try"
    # Missing default files are not reported where another key was tried
    reasons: dict[str, list[str]] = {}
    for key in unusable:
        if not (tried and key.reason == NO_FILE):
            reasons.setdefault(key.reason, []).append(key.name)
    if reasons:
        text += "; " + "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())
    if note:
        return f"{text}; {note}"
    if (version := version_without_rsa_sha2(link)) and any("rsa" in identity.key.get_name() for identity in tried):
        return (
            f"{text}; OpenSSH {version} on the host does not support RSA signatures with SHA-2: use an ed25519 key"
        )
    return f"{text}; set User and IdentityFile in ssh_config, or add the key to its authorized_keys"


def version_without_rsa_sha2(link: Link) -> str:
    """Return the version of a server that supports RSA signatures with SHA-1 only; "" for any other server."""
    match = re.search(r"OpenSSH_(\d+)\.(\d+)", link.remote_version)
    old = match and (int(match[1]), int(match[2])) < _FIRST_RSA_SHA2_VERSION
    return f"{match[1]}.{match[2]}" if match and old else ""
