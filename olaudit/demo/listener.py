"""Listening sockets of all simulated hosts: one loopback port per host, one thread for all."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from weakref import WeakSet

from olaudit.demo.faults import HostFault
from olaudit.demo.server import ServerConnection, SimulatedHost

ADDRESS = "127.0.0.1"
"""Simulated hosts listen on the loopback interface only."""

_BACKLOG = 128


class Listener:
    """Context manager that accepts connections to `hosts`. `ports` maps host names to ports."""

    def __init__(self, hosts: Mapping[str, SimulatedHost]) -> None:
        self._hosts = hosts
        self._sockets = {name: _bound(host) for name, host in hosts.items()}
        self.ports = {name: sock.getsockname()[1] for name, sock in self._sockets.items()}
        self._stop_sender, self._stop_receiver = socket.socketpair()
        self._unserved: list[socket.socket] = []
        self._connections: WeakSet[ServerConnection] = WeakSet()  # finished connections are collected as garbage
        self._thread = threading.Thread(target=self._listen, daemon=True, name="simulated fleet")

    def __enter__(self) -> Self:
        """Start to accept connections."""
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Stop accepting connections and close those that are open."""
        self._stop_sender.close()
        self._thread.join()
        for connection in list(self._connections):
            connection.close()
        for sock in (*self._unserved, *self._sockets.values(), self._stop_receiver):
            sock.close()

    def _listen(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._stop_receiver, selectors.EVENT_READ)
            for name, sock in self._sockets.items():
                if self._hosts[name].fault is not HostFault.PORT_CLOSED:
                    selector.register(sock, selectors.EVENT_READ, self._hosts[name])
            while True:
                for key, _ in selector.select():
                    if key.data is None:
                        return
                    # A client that disconnects before it is accepted leaves nothing to accept.
                    with contextlib.suppress(OSError):
                        self._serve(key.data, key.fileobj.accept()[0])  # type: ignore[union-attr]  # they are sockets

    def _serve(self, host: SimulatedHost, sock: socket.socket) -> None:
        if host.fault is HostFault.CLOSES_CONNECTION:
            sock.close()
        elif host.fault is HostFault.SENDS_NO_GREETING:
            self._unserved.append(sock)
        else:
            connection = ServerConnection(host, sock)
            self._connections.add(connection)
            connection.start()


def _bound(host: SimulatedHost) -> socket.socket:
    """Bind a free port. A closed port is bound too, so that no other process can listen on it."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.bind((ADDRESS, 0))
    if host.fault is not HostFault.PORT_CLOSED:
        sock.listen(_BACKLOG)
        sock.setblocking(False)  # noqa: FBT003 - socket's own signature
    return sock
