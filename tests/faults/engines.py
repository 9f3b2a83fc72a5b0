"""Hostile Docker Engines: raw HTTP on the Docker socket of a real host, reached through its real sshd."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from olaudit.demo import engine as demo
from olaudit.demo.recorded import Engine, recorded_host
from tests.faults.row import Inject, Target
from tests.faults.scene import CONTAINER, Scene
from tests.faults.sshd import running

DAEMON = """\
cp /bin/sleep /run/dockerd
/run/dockerd infinity &
echo $! >/run/docker.pid
"""
"""Starts a process with the engine's name: without one, an audit does not connect to the socket."""


@dataclass(frozen=True)
class Request:
    """An HTTP request to the engine. `containers` are those of a conforming engine."""

    target: str
    connection: socket.socket
    containers: tuple[Any, ...]

    def send(self, data: bytes) -> None:
        """Send raw bytes."""
        self.connection.sendall(data)

    def close(self) -> None:
        """Shut down the connection while another thread still reads from it."""
        self.connection.shutdown(socket.SHUT_RDWR)

    def reply(self, body: bytes | str, *headers: str, status: str = "200 OK") -> None:
        """Send an HTTP response."""
        body = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
        head = (f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers)
        self.send("\r\n".join((*head, "", "")).encode() + body)

    def json(self, content: Any, status: str = "200 OK") -> None:
        """Send JSON."""
        self.reply(json.dumps(content), status=status)

    def reply_normally(self) -> None:
        """Answer as a conforming engine does."""
        status, content = demo.reply(replace(conforming_engine(), containers=self.containers), self.target)
        self.json(content, f"{status.value} {status.phrase}")

    def targets(self, prefix: str) -> bool:
        """Return whether the target without the API version starts with `prefix`."""
        path = self.target if not self.target.startswith("/v") or self.target == "/version" else self.target[1:]
        return ("/" + path.partition("/")[2]).startswith(prefix)

    @property
    def is_inspect(self) -> bool:
        """Whether the request inspects one container."""
        return self.target.partition("?")[0].endswith("/json") and "/containers/json" not in self.target


Behaviour = Callable[[Request], None]


def engine(
    behaviour: Behaviour, *config: str, setup: str = DAEMON, client: tuple[str, ...] = (), contacted: bool = True
) -> Inject:
    """Return the injection of an engine with that behaviour. `contacted`: whether an audit may connect to it."""

    @contextlib.contextmanager
    def inject(scene: Scene) -> Iterator[Target]:
        name, containers = scene.id, conforming_engine().containers
        with running(scene, *config, setup=setup) as (port, pid):
            path = Path(f"/proc/{pid}/root/run/docker.sock")
            with _listening(path, behaviour, containers) as connections:
                yield scene.target(port, *client)
        if connections and not contacted:
            scene.violations.append((name, "the audit connected to the engine"))

    return inject


def conforming_engine() -> Engine:
    """Return an engine with the container that the expected files of a row require."""
    recorded = recorded_host("ol-web1").engine
    assert recorded
    (web,) = recorded.containers
    labels = {**web["Config"]["Labels"], "com.docker.compose.project": CONTAINER.partition("-")[0]}
    container = {**web, "Name": f"/{CONTAINER}", "Config": {**web["Config"], "Labels": labels}, "Mounts": []}
    return replace(recorded, containers=(container,), changes={})


@contextlib.contextmanager
def _listening(path: Path, behaviour: Behaviour, containers: tuple[Any, ...]) -> Iterator[list[socket.socket]]:
    connections: list[socket.socket] = []

    def handle(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection.makefile("rb") as requests:
            while line := requests.readline(65536):
                while requests.readline(65536).strip():
                    pass
                behaviour(Request(line.split()[1].decode(), connection, containers))

    def serve(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                connections.append(connection)
                threading.Thread(target=handle, args=(connection,), daemon=True).start()

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(path))
        path.chmod(0o666)
        server.listen(64)
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        try:
            yield connections
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()
