"""SSH greeting, key exchange and login with keys, with the reasons of their failures."""

import re
import threading
from collections.abc import Sequence

import paramiko

from olaudit.model import FailureReason
from olaudit.transport import Deadline, HostFailed
from olaudit.transport.reasons import describe_error, format_names, single_line
from olaudit.transport.ssh.host import Settings
from olaudit.transport.ssh.keys import NO_FILE, Identity, KeyRing, UnusableKey
from olaudit.transport.ssh.link import Link
from olaudit.transport.ssh.proxy import ProxyStream

# What sshd sends in place of a greeting when it drops a connection; another attempt may succeed
_DROPPED = (b"Exceeded MaxStartups", b"Not allowed at this time")

# Names in the list of key exchange methods that announce extensions
_PSEUDO_ALGORITHMS = ("ext-info-", "kex-strict-")
_FIRST_RSA_SHA2_VERSION = (7, 2)


class ConnectionDropped(Exception):  # noqa: N818 - caught by the connector, which tries again
    """The server closed the connection before its greeting. The text is what it sent instead, "" for nothing."""


def negotiate(link: Link, settings: Settings, deadline: Deadline) -> None:
    """Exchange greetings and keys. Raises HostFailed (timeout or ssh) and ConnectionDropped."""
    link.banner_timeout = link.handshake_timeout = deadline.timeout()
    done = threading.Event()
    link.start_client(event=done)
    if done.wait(deadline.remaining()) and link.is_active():
        return
    if deadline.passed():  # here or, by the same clock, in paramiko's thread
        raise HostFailed(FailureReason.TIMEOUT, _too_slow(link, settings, deadline))
    error = link.get_exception()
    if mismatch := _mismatch(link):
        raise HostFailed(FailureReason.SSH, f"{settings}, {_version(link)}: {mismatch}")
    if link.remote_version:
        raise HostFailed(FailureReason.SSH, f"{settings}, {_version(link)}: {_key_exchange_failure(link, error)}")
    if isinstance(link.carrier, ProxyStream) and (link.carrier.close() or not link.greeting):
        why = link.carrier.failure() or "the ProxyCommand closed the connection"
        raise HostFailed(FailureReason.SSH, f"{settings} sent no SSH greeting: {why}")
    if not link.greeting or link.greeting.startswith(_DROPPED):
        raise ConnectionDropped(single_line(link.greeting))
    raise HostFailed(
        FailureReason.SSH,
        f"{settings} sent no SSH greeting, so it is not an SSH server or refuses this client; "
        f"it sent: {single_line(link.greeting, 100) or 'whitespace'}",
    )


def _version(link: Link) -> str:
    return single_line(link.remote_version, 100)


def _too_slow(link: Link, settings: Settings, deadline: Deadline) -> str:
    """Explain which step had not completed by the deadline."""
    within = f"within {deadline.seconds:g} s"
    if link.remote_version:
        return f"{settings}, {_version(link)}, did not complete the key exchange {within}: is it overloaded?"
    if isinstance(link.carrier, ProxyStream) and (why := link.carrier.failure()):
        return f"{settings} sent no SSH greeting {within}: {why}"
    state = "the ProxyCommand runs" if isinstance(link.carrier, ProxyStream) else "the connection was accepted"
    return (
        f"{settings}: {state}, but no SSH greeting came {within}: "
        "is sshd overloaded, out of memory or processes, or is this another service?"
    )


def _key_exchange_failure(link: Link, error: Exception | None) -> str:
    """Explain why the key exchange failed. A ProxyCommand that ended with an error takes precedence."""
    if isinstance(link.carrier, ProxyStream) and link.carrier.close():
        return link.carrier.failure()
    if link.disconnect_message:
        return f"it disconnected during the key exchange: {link.disconnect_message}"
    if error is None or isinstance(error, EOFError):
        return "it closed the connection during the key exchange"
    return describe_error(error)


def _mismatch(link: Link) -> str:
    """Describe the first kind of algorithm without a common one, and what each side offers; "" if none."""
    if not (server_offer := link.server_offer):
        return ""
    options = link.get_security_options()
    kinds = (
        ("key exchange method", ("kex_algo_list",), options.kex),
        ("host key algorithm", ("server_key_algo_list",), options.key_types),
        ("cipher", ("client_encrypt_algo_list", "server_encrypt_algo_list"), options.ciphers),
        ("MAC", ("client_mac_algo_list", "server_mac_algo_list"), options.digests),
        ("compression", ("client_compress_algo_list", "server_compress_algo_list"), options.compression),
    )
    for kind, directions, ours in kinds:
        for direction in directions:
            offered = [name for name in server_offer[direction] if not name.startswith(_PSEUDO_ALGORITHMS)]
            if not set(offered) & set(ours):
                offers = f"it offers {format_names(offered)}; olaudit offers {format_names(tuple(ours))}"
                text = f"no common {kind}: {offers}"
                version = kind == "host key algorithm" and _version_without_rsa_sha2(link)
                hint = f"; OpenSSH {version} signs with SHA-1 only: give it an ed25519 host key" if version else ""
                return f"{text}{hint}"
    return ""


def log_in(link: Link, settings: Settings, ring: KeyRing, deadline: Deadline) -> None:
    """Authenticate `link` with the first key that the host accepts. Raises HostFailed: auth or timeout."""
    with ring.identities(settings, deadline) as (usable, unusable):
        tried: list[Identity] = []
        note = ""
        for identity in usable:
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
    if (version := _version_without_rsa_sha2(link)) and any(
        "rsa" in identity.key.get_name() for identity in tried
    ):
        return (
            f"{text}; OpenSSH {version} on the host does not support RSA signatures with SHA-2: use an ed25519 key"
        )
    return f"{text}; set User and IdentityFile in ssh_config, or add the key to its authorized_keys"


def _version_without_rsa_sha2(link: Link) -> str:
    """Return the version of a server that supports RSA signatures with SHA-1 only; "" for any other server."""
    match = re.search(r"OpenSSH_(\d+)\.(\d+)", link.remote_version)
    old = match and (int(match[1]), int(match[2])) < _FIRST_RSA_SHA2_VERSION
    return f"{match[1]}.{match[2]}" if match and old else ""
