"""Logging in with keys, and saying what to do where that fails."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import paramiko

from olaudit.model import Reason
from olaudit.transport import HostFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from olaudit.transport import Deadline
    from olaudit.transport.ssh.keys import Identity, KeyRing, Unusable
    from olaudit.transport.ssh.link import Link
    from olaudit.transport.ssh.settings import Settings

_RSA_SHA2_SINCE = (7, 2)


def log_in(link: Link, settings: Settings, ring: KeyRing, deadline: Deadline) -> None:
    """Authenticate `link` with the first key that is accepted. Raises HostFailed: auth or timeout."""
    with ring.identities(settings) as (usable, unusable):
        tried: list[Identity] = []
        note = ""
        for identity in usable:
            link.auth_timeout = max(0.001, deadline.left())
            tried.append(identity)
            try:
                if not (more := link.auth_publickey(settings.user, identity.key)):
                    return
                note = f"the host also asks for {', '.join(more)}, which a tool cannot give"
                break
            except paramiko.BadAuthenticationType as error:
                note = f"the host takes no keys, only {', '.join(error.allowed_types)}"
                break
            except paramiko.AuthenticationException:
                if deadline.passed():
                    raise HostFailed(
                        Reason.TIMEOUT, f"{settings} did not finish the login within {deadline.seconds:g} s"
                    ) from None
            except (paramiko.SSHException, EOFError, OSError):
                note = "the host hung up; if it took offence at too many keys, set IdentitiesOnly in ssh_config"
                break
        raise HostFailed(Reason.AUTH, _refused(link, settings, tried, unusable, note))


def _refused(
    link: Link, settings: Settings, tried: Sequence[Identity], unusable: Sequence[Unusable], note: str
) -> str:
    """Say who was refused, with which keys, and the likeliest way to mend it."""
    parts = [f"{settings} did not let {settings.user} in"]
    parts.append(f"with {', '.join(one.name for one in tried)}" if tried else "because there is no key to try")
    text = " ".join(parts)
    # Default files that do not exist are no news where another key was tried
    news = [one for one in unusable if not (tried and one.why == "there is no such file")]
    if news:
        text += "; " + "; ".join(f"{one.name}: {one.why}" for one in news)
    if note:
        return f"{text}; {note}"
    if (version := too_old_for_rsa(link)) and any("rsa" in one.key.get_name() for one in tried):
        return f"{text}; OpenSSH {version} there: use an ed25519 key, it cannot check today's RSA signatures"
    return f"{text}; set User and IdentityFile in ssh_config, or add the key to its authorized_keys"


def too_old_for_rsa(link: Link) -> str:
    """Give the version of a server that knows RSA signatures with SHA-1 only, else ""."""
    match = re.search(r"OpenSSH_(\d+)\.(\d+)", link.remote_version)
    old = match and (int(match[1]), int(match[2])) < _RSA_SHA2_SINCE
    return f"{match[1]}.{match[2]}" if match and old else ""
