"""Greeting and key exchange, and what is wrong where they fail."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from olaudit.model import FailureReason
from olaudit.transport import HostFailed
from olaudit.transport.reasons import describe, listed, one_line
from olaudit.transport.ssh.login import too_old_for_rsa
from olaudit.transport.ssh.proxy import ProxyStream

if TYPE_CHECKING:
    from olaudit.transport import Deadline
    from olaudit.transport.ssh.host import Settings
    from olaudit.transport.ssh.link import Link

# What sshd sends in place of a greeting where it drops a connection that another try may get
_DROPPED = (b"Exceeded MaxStartups", b"Not allowed at this time")


class Dropped(Exception):  # noqa: N818 - caught by the connector, which tries again
    """The server closed the connection before its greeting. Its text is what it sent instead, if anything."""


def negotiate(link: Link, settings: Settings, deadline: Deadline) -> None:
    """Exchange banners and keys. Raises HostFailed: timeout or ssh; or Dropped."""
    link.banner_timeout = link.handshake_timeout = max(0.001, deadline.left())
    done = threading.Event()
    link.start_client(event=done)
    if done.wait(deadline.left()) and link.is_active():
        return
    if deadline.passed():  # here or, by the same clock, in paramiko's thread
        raise HostFailed(FailureReason.TIMEOUT, _too_slow(link, settings, deadline))
    error = link.get_exception()
    if mismatch := _mismatch(link):
        raise HostFailed(FailureReason.SSH, f"{settings}, {_version(link)}: {mismatch}")
    if link.remote_version:
        raise HostFailed(FailureReason.SSH, f"{settings}, {_version(link)}: {_in_key_exchange(link, error)}")
    if isinstance(link.below, ProxyStream) and (link.below.failed() or not link.greeting):
        why = link.below.failure() or "the ProxyCommand closed the connection"
        raise HostFailed(FailureReason.SSH, f"{settings} sent no SSH greeting: {why}")
    if not link.greeting or link.greeting.startswith(_DROPPED):
        raise Dropped(one_line(link.greeting))
    raise HostFailed(
        FailureReason.SSH,
        f"{settings} sent no SSH greeting, so it is not an SSH server or refuses this client; "
        f"it sent: {one_line(link.greeting, 100) or 'blanks'}",
    )


def _version(link: Link) -> str:
    return one_line(link.remote_version, 100)


def _too_slow(link: Link, settings: Settings, deadline: Deadline) -> str:
    within = f"within {deadline.seconds:g} s"
    if link.remote_version:
        return f"{settings}, {_version(link)}, did not complete the key exchange {within}: is it overloaded?"
    if isinstance(link.below, ProxyStream) and (why := link.below.failure()):
        return f"{settings} sent no SSH greeting {within}: {why}"
    what = "the ProxyCommand runs" if isinstance(link.below, ProxyStream) else "the connection was accepted"
    return (
        f"{settings}: {what}, but no SSH greeting came {within}: "
        "is sshd overloaded, out of memory or processes, or is this another service?"
    )


def _in_key_exchange(link: Link, error: Exception | None) -> str:
    """Say why the key exchange failed; a proxy command that ended with an error explains it best."""
    if isinstance(link.below, ProxyStream) and link.below.failed():
        return link.below.failure()
    if link.farewell:
        return f"it disconnected during the key exchange: {link.farewell}"
    if error is None or isinstance(error, EOFError):
        return "it closed the connection during the key exchange"
    return describe(error)


def _mismatch(link: Link) -> str:
    """Name the first kind of algorithm that both sides have none of in common, and what each offers."""
    if not (theirs := link.offered):
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
            offered = [name for name in theirs[direction] if not name.startswith(("ext-info-", "kex-strict-"))]
            if not set(offered) & set(ours):
                text = f"no common {kind}: it offers {listed(offered)}; olaudit offers {listed(tuple(ours))}"
                old = kind == "host key algorithm" and too_old_for_rsa(link)
                return f"{text}; OpenSSH {old} signs with SHA-1 only: give it an ed25519 host key" if old else text
    return ""
