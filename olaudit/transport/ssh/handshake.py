"""SSH greeting and key exchange, with the reasons of their failures."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from olaudit.model import FailureReason
from olaudit.transport import HostFailed
from olaudit.transport.reasons import describe_error, format_names, single_line
from olaudit.transport.ssh.login import version_without_rsa_sha2
from olaudit.transport.ssh.proxy import ProxyStream

if TYPE_CHECKING:
    from olaudit.transport import Deadline
    from olaudit.transport.ssh.host import Settings
    from olaudit.transport.ssh.link import Link

# What sshd sends in place of a greeting when it drops a connection; another attempt may succeed
_DROPPED = (b"Exceeded MaxStartups", b"Not allowed at this time")

# Names in the list of key exchange methods that announce extensions
_PSEUDO_ALGORITHMS = ("ext-info-", "kex-strict-")


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
                version = kind == "host key algorithm" and version_without_rsa_sha2(link)
                hint = f"; OpenSSH {version} signs with SHA-1 only: give it an ed25519 host key" if version else ""
                return f"{text}{hint}"
    return ""
