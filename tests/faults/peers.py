"""Hostile peers on loopback: a handler for each connection, and handwritten first packets of SSH."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator

from tests.faults.row import Inject, Target
from tests.faults.scene import ADDRESS, Scene

Handler = Callable[[socket.socket, Scene], None]

BANNER = b"SSH-2.0-OpenSSH_9.9\r\n"


@contextlib.contextmanager
def listening(handle: Handler, scene: Scene) -> Iterator[int]:
    """Accept connections, each handled in a daemon thread, and yield the port."""
    connections: list[socket.socket] = []

    def handle_connection(connection: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError):
            handle(connection, scene)

    def serve(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                connections.append(connection)
                threading.Thread(target=handle_connection, args=(connection,), daemon=True).start()

    with socket.create_server((ADDRESS, 0), backlog=64) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()


def peer(handle: Handler, *client: str) -> Inject:
    """Return the injection of a hostile peer."""

    @contextlib.contextmanager
    def inject(scene: Scene) -> Iterator[Target]:
        with listening(handle, scene) as port:
            yield scene.target(port, *client)

    return inject


def packet(payload: bytes) -> bytes:
    """Frame a payload as an unencrypted SSH packet (RFC 4253, section 6)."""
    padding = 8 - (len(payload) + 5) % 8
    padding += 8 if padding < 4 else 0
    return struct.pack(">IB", len(payload) + padding + 1, padding) + payload + b"\0" * padding


def text(value: bytes | str) -> bytes:
    """Encode a string as in SSH packets."""
    value = value.encode() if isinstance(value, str) else value
    return struct.pack(">I", len(value)) + value


def kexinit(
    kex: str = "curve25519-sha256@libssh.org,ecdh-sha2-nistp256",
    host_keys: str = "ssh-ed25519",
    ciphers: str = "aes128-ctr",
    macs: str = "hmac-sha2-256",
    compression: str = "none",
) -> bytes:
    """Encode a KEXINIT message."""
    lists = (kex, host_keys, ciphers, ciphers, macs, macs, compression, compression, "", "")
    return b"\x14" + os.urandom(16) + b"".join(text(names) for names in lists) + b"\0" + struct.pack(">I", 0)


def hold(connection: socket.socket) -> None:
    """Read until the peer closes the connection, without answering."""
    while connection.recv(1 << 16):
        pass
