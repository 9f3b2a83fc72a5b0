"""From a host's name to a connected stream: name resolution and TCP, with their ways to fail told apart."""

from __future__ import annotations

import errno
import queue
import socket
import threading
from typing import TYPE_CHECKING, Any

from olaudit.model import FailureReason
from olaudit.transport import HostFailed
from olaudit.transport.reasons import describe

if TYPE_CHECKING:
    from olaudit.transport import Deadline
    from olaudit.transport.ssh.host import Settings


_FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}


def dial(settings: Settings, deadline: Deadline) -> socket.socket:
    """Connect to the host, trying its addresses in turn. Raises HostFailed: dns, refused or timeout."""
    failed: HostFailed | None = None
    for family, kind, protocol, _, address in _resolve(settings, deadline):
        seconds = max(0.001, min(settings.connect_seconds, deadline.left()))
        try:
            stream = socket.socket(family, kind, protocol)
        except OSError as error:  # no descriptors are left, or this machine has no IPv6
            failed = _tcp_failure(settings, str(address[0]), error, seconds)
            continue
        stream.settimeout(seconds)
        try:
            _bind(stream, settings)
            stream.connect(address)
        except OSError as error:
            stream.close()
            failed = _tcp_failure(settings, str(address[0]), error, seconds)
        else:
            return stream
    raise failed or HostFailed(FailureReason.DNS, f"{settings.hostname} has no address")


def _bind(stream: socket.socket, settings: Settings) -> None:
    """Apply BindInterface and BindAddress."""
    if settings.bind_interface:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, settings.bind_interface.encode())
    if settings.bind_address:
        stream.bind((settings.bind_address, 0))


def _resolve(settings: Settings, deadline: Deadline) -> list[Any]:
    """Ask the resolver, which knows no time-out of its own, for no longer than there is time."""
    family = _FAMILIES.get(settings.address_family, socket.AF_UNSPEC)
    answers: queue.SimpleQueue[list[Any] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(settings.hostname, settings.port, family, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error if isinstance(error, OSError) else OSError(describe(error)))

    threading.Thread(target=ask, daemon=True, name=f"resolve {settings.hostname}").start()
    try:
        answer = answers.get(timeout=deadline.left())
    except queue.Empty:
        raise HostFailed(
            FailureReason.DNS,
            f"the resolver did not answer for {settings.hostname} within {deadline.seconds:g} s: "
            "see /etc/resolv.conf, or set HostName in ssh_config",
        ) from None
    if isinstance(answer, OSError):
        raise HostFailed(
            FailureReason.DNS,
            f"the name {settings.hostname} does not resolve ({describe(answer)}): "
            "correct DNS, or set HostName in ssh_config",
        )
    return answer


def _tcp_failure(settings: Settings, address: str, error: OSError, seconds: float) -> HostFailed:
    where = f"{address} port {settings.port}"
    if isinstance(error, TimeoutError) or error.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN}:
        why = f"within {seconds:.2g} s" if isinstance(error, TimeoutError) else f"({describe(error)})"
        return HostFailed(
            FailureReason.TIMEOUT,
            f"nothing answers at {where} {why}: is the host up, and does a firewall let you in?",
        )
    if error.errno in {errno.ECONNREFUSED, errno.ECONNRESET}:
        return HostFailed(
            FailureReason.REFUSED,
            f"{where} refuses connections: the host is up, but is sshd running, and on that port?",
        )
    return HostFailed(FailureReason.SSH, f"cannot connect to {where}: {describe(error)}")
