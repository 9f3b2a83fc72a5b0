"""Name resolution and TCP connection of a host. Failures are distinguished: dns, refused, timeout, ssh."""

from __future__ import annotations

import errno
import queue
import socket
import threading
from typing import TYPE_CHECKING, Any

from olaudit.model import FailureReason
from olaudit.transport import HostFailed
from olaudit.transport.reasons import describe_error

if TYPE_CHECKING:
    from olaudit.transport import Deadline
    from olaudit.transport.ssh.host import Settings


_FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}


def dial(settings: Settings, deadline: Deadline) -> socket.socket:
    """Connect to the host, trying its addresses in turn. Raises HostFailed: dns, refused, timeout or ssh."""
    failed: HostFailed | None = None
    for family, kind, protocol, _, address in _resolve(settings, deadline):
        seconds = max(0.001, min(settings.connect_seconds, deadline.remaining()))
        try:
            stream = socket.socket(family, kind, protocol)
        except OSError as error:  # no free descriptor, or no IPv6 on this machine
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
    """Resolve the host's name in a thread: the resolver has no timeout that can be set. Raises HostFailed."""
    family = _FAMILIES.get(settings.address_family, socket.AF_UNSPEC)
    answers: queue.SimpleQueue[list[Any] | OSError] = queue.SimpleQueue()

    def resolve() -> None:
        try:
            answers.put(socket.getaddrinfo(settings.hostname, settings.port, family, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error if isinstance(error, OSError) else OSError(describe_error(error)))

    threading.Thread(target=resolve, daemon=True, name=f"resolve {settings.hostname}").start()
    try:
        answer = answers.get(timeout=deadline.remaining())
    except queue.Empty:
        raise HostFailed(
            FailureReason.DNS,
            f"the resolver did not answer for {settings.hostname} within {deadline.seconds:g} s: "
            "see /etc/resolv.conf, or set HostName in ssh_config",
        ) from None
    if isinstance(answer, OSError):
        raise HostFailed(
            FailureReason.DNS,
            f"the name {settings.hostname} does not resolve ({describe_error(answer)}): "
            "correct DNS, or set HostName in ssh_config",
        )
    return answer


def _tcp_failure(settings: Settings, address: str, error: OSError, seconds: float) -> HostFailed:
    """Build the failure for an error of the TCP connection."""
    where = f"{address} port {settings.port}"
    if isinstance(error, TimeoutError) or error.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN}:
        why = f"within {seconds:.2g} s" if isinstance(error, TimeoutError) else f"({describe_error(error)})"
        return HostFailed(
            FailureReason.TIMEOUT,
            f"no answer from {where} {why}: is the host up, and does a firewall block the connection?",
        )
    if error.errno in {errno.ECONNREFUSED, errno.ECONNRESET}:
        return HostFailed(
            FailureReason.REFUSED,
            f"{where} refuses connections: the host is up, but is sshd running and listening on that port?",
        )
    return HostFailed(FailureReason.SSH, f"cannot connect to {where}: {describe_error(error)}")
