"""Name resolution and TCP connection of a host. Failures are distinguished: dns, refused, timeout, ssh."""

import errno
import socket
from functools import partial
from typing import Any

from olaudit.model import FailureReason
from olaudit.transport import Deadline, HostFailed, background
from olaudit.transport.reasons import describe_error
from olaudit.transport.ssh.handshake import ConnectionDropped
from olaudit.transport.ssh.host import Settings

_FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}


def dial(settings: Settings, deadline: Deadline) -> socket.socket:
    """Connect to the host, trying its addresses in turn.

    Raises HostFailed: dns, refused, timeout or ssh; and ConnectionDropped for a connection that was reset at once.
    """
    failed: HostFailed | ConnectionDropped | None = None
    for family, kind, protocol, _, address in _resolve(settings, deadline):
        seconds = deadline.timeout(settings.connect_seconds)
        stream: socket.socket | None = None
        try:
            stream = socket.socket(family, kind, protocol)  # fails without a free descriptor, or without IPv6
            stream.settimeout(seconds)
            _bind(stream, settings)
            stream.connect(address)
        except OSError as error:
            if stream:
                stream.close()
            if isinstance(error, ConnectionResetError):  # it was accepted, as if it were reset a moment later
                failed = ConnectionDropped("")
            else:
                failed = _tcp_failure(settings, str(address[0]), error, seconds)
        else:
            return stream
    raise failed or HostFailed(FailureReason.DNS, f"{settings.hostname} has no address")


def _bind(stream: socket.socket, settings: Settings) -> None:
    if settings.bind_interface:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, settings.bind_interface.encode())
    if settings.bind_address:
        stream.bind((settings.bind_address, 0))


def _resolve(settings: Settings, deadline: Deadline) -> list[Any]:
    """Resolve the host's name in a thread: the resolver has no timeout that can be set. Raises HostFailed."""
    name, family = settings.hostname, _FAMILIES.get(settings.address_family, socket.AF_UNSPEC)
    lookup = partial(socket.getaddrinfo, name, settings.port, family, type=socket.SOCK_STREAM)
    try:
        return background.start(f"resolve {name}", lookup).result(deadline.remaining())
    except TimeoutError:
        why = f"the resolver did not answer for {name} within {deadline.seconds:g} s: see /etc/resolv.conf"
    except (OSError, ValueError) as error:  # ValueError: the name cannot be encoded
        why = f"the name {name} does not resolve ({describe_error(error)}): correct DNS"
    raise HostFailed(FailureReason.DNS, f"{why}, or set HostName in ssh_config")


def _tcp_failure(settings: Settings, address: str, error: OSError, seconds: float) -> HostFailed:
    where = f"{address} port {settings.port}"
    if isinstance(error, TimeoutError) or error.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN}:
        why = f"within {seconds:.2g} s" if isinstance(error, TimeoutError) else f"({describe_error(error)})"
        return HostFailed(
            FailureReason.TIMEOUT,
            f"no answer from {where} {why}: is the host up, and does a firewall block the connection?",
        )
    if error.errno == errno.ECONNREFUSED:
        return HostFailed(
            FailureReason.REFUSED,
            f"{where} refuses connections: the host is up, but is sshd running and listening on that port?",
        )
    return HostFailed(FailureReason.SSH, f"cannot connect to {where}: {describe_error(error)}")
