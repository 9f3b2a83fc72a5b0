"""Logging in with keys, and saying what to do where that fails."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import paramiko

from olaudit.model import FailureReason
from olaudit.transport import HostFailed
from olaudit.transport.reasons import describe, listed
from olaudit.transport.ssh.keys import NO_FILE, Unusable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from olaudit.transport import Deadline
    from olaudit.transport.ssh.host import Settings
    from olaudit.transport.ssh.keys import Identity, KeyRing
    from olaudit.transport.ssh.link import Link

_RSA_SHA2_SINCE = (7, 2)


def log_in(link: Link, settings: Settings, ring: KeyRing, deadline: Deadline) -> None:
    """Authenticate `link` with the first key that is accepted. Raises HostFailed: auth, ssh or timeout."""
    with ring.identities(settings, deadline) as identities:
        tried: list[Identity] = []
        unusable = list(identities.unusable)
        note = ""
        for identity in identities.usable:
            link.auth_timeout = max(0.001, deadline.left())
            try:
                more = link.auth_publickey(settings.user, identity.key)
                tried.append(identity)
                if not more:
                    return
                note = f"the host also asks for {listed(more)}, which a tool cannot give"
                break
            except paramiko.BadAuthenticationType as error:
                tried.append(identity)
                note = f"the host takes no keys, only {listed(error.allowed_types)}"
                break
            except paramiko.AuthenticationException as error:
                tried.append(identity)
                _check_time(settings, deadline)
                if not link.is_active():
                    raise HostFailed(*_closed(link, settings, tried, error)) from None
            except (paramiko.SSHException, EOFError, OSError, ValueError) as error:
                _check_time(settings, deadline)
                if not link.is_active():
                    raise HostFailed(*_closed(link, settings, [*tried, identity], error)) from None
                unusable.append(Unusable(identity.name, f"it gave no signature: {describe(error)}"))
        if link.farewell:
            note = f"the host disconnected: {link.farewell}"
        raise HostFailed(FailureReason.AUTH, _refused(link, settings, tried, unusable, note))


def _check_time(settings: Settings, deadline: Deadline) -> None:
    if deadline.passed():
        raise HostFailed(
            FailureReason.TIMEOUT, f"{settings} did not finish the login within {deadline.seconds:g} s"
        ) from None


def _closed(
    link: Link, settings: Settings, tried: Sequence[Identity], error: BaseException
) -> tuple[FailureReason, str]:
    """Say that the host closed the connection during the login: too many keys, or something else."""
    names = ", ".join(identity.name for identity in tried)
    # paramiko's words for a closed connection add nothing
    closed = isinstance(error, EOFError) or re.search(r"session|saw EOF", str(error))
    why = "" if closed else f" ({describe(error)})"
    why = f" ({link.farewell})" if link.farewell else why
    hint = "if MaxAuthTries in its sshd_config is the cause, set IdentitiesOnly in ssh_config"
    return (
        FailureReason.AUTH,
        f"{settings} closed the connection during the login of {settings.user} with {names}{why}; {hint}",
    )


def _refused(
    link: Link, settings: Settings, tried: Sequence[Identity], unusable: Sequence[Unusable], note: str
) -> str:
    """Say who was refused, with which keys, and the likeliest remedy."""
    parts = [f"{settings} did not let {settings.user} in"]
    parts.append(
        f"with {', '.join(identity.name for identity in tried)}" if tried else "because there is no key to try"
    )
    text = " ".join(parts)
    # Default files that do not exist are no news where another key was tried
    reasons: dict[str, list[str]] = {}
    for identity in unusable:
        if not (tried and identity.why == NO_FILE):
            reasons.setdefault(identity.why, []).append(identity.name)
    if reasons:
        text += "; " + "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items())
    if note:
        return f"{text}; {note}"
    if (version := too_old_for_rsa(link)) and any("rsa" in identity.key.get_name() for identity in tried):
        return f"{text}; OpenSSH {version} there: use an ed25519 key, it cannot check today's RSA signatures"
    return f"{text}; set User and IdentityFile in ssh_config, or add the key to its authorized_keys"


def too_old_for_rsa(link: Link) -> str:
    """Give the version of a server that knows RSA signatures with SHA-1 only, else ""."""
    match = re.search(r"OpenSSH_(\d+)\.(\d+)", link.remote_version)
    old = match and (int(match[1]), int(match[2])) < _RSA_SHA2_SINCE
    return f"{match[1]}.{match[2]}" if match and old else ""
