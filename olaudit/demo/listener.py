"""The listening ends of all simulated hosts: a port each on the loopback interface, and one thread for all."""

from __future__ import annotations

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
"""Simulated hosts are reached from this very machine only."""

_BACKLOG = 128


class Listener:
    """Takes connections to `hosts` while its block runs. `ports` says on which port each of them is."""

    def __init__(self, hosts: Mapping[str, SimulatedHost]) -> None:
        self._hosts = hosts
        self._sockets = {name: _bound(host) for name, host in hosts.items()}
        self.ports = {name: sock.getsockname()[1] for name, sock in self._sockets.items()}
        self._wake, self._awake = socket.socketpair()
        self._silent: list[socket.socket] = []
        self._connections: WeakSet[ServerConnection] = WeakSet()  # those whose threads are done go of themselves
        self._thread = threading.Thread(target=self._listen, daemon=True, name="simulated fleet")

    def __enter__(self) -> Self:
        """Begin to take connections."""
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Take no more, and hang up on those that are still there."""
        self._wake.close()
        self._thread.join()
        for connection in list(self._connections):
            connection.close()
        for sock in (*self._silent, *self._sockets.values(), self._awake):
            sock.close()

    def _listen(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._awake, selectors.EVENT_READ)
            for name, sock in self._sockets.items():
                if self._hosts[name].fault is not HostFault.PORT_CLOSED:
                    selector.register(sock, selectors.EVENT_READ, self._hosts[name])
            while True:
                for key, _ in selector.select():
                    if key.data is None:
                        return
                    # A client that has gone again before it was taken leaves nothing to accept.
                    with contextlib.suppress(OSError):
                        self._take(key.data, key.fileobj.accept()[0])  # type: ignore[union-attr]  # they are sockets

    def _take(self, host: SimulatedHost, sock: socket.socket) -> None:
        if host.fault is HostFault.CLOSES_CONNECTION:
            sock.close()
        elif host.fault is HostFault.SENDS_NO_GREETING:
            self._silent.append(sock)
        else:
            connection = ServerConnection(host, sock)
            self._connections.add(connection)
            connection.start()


def _bound(host: SimulatedHost) -> socket.socket:
    """Take a free port. One that nothing listens on is taken too, so that nobody else comes to listen there."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.bind((ADDRESS, 0))
    if host.fault is not HostFault.PORT_CLOSED:
        sock.listen(_BACKLOG)
        sock.setblocking(False)  # noqa: FBT003 - socket's own signature
    return sock
