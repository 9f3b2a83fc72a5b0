"""Faults of a real Docker Engine, and of the network, on hosts of the lab."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tests.faults.hosts import ENGINE
from tests.faults.row import AllOk, ExpectedFinding, ExpectedOutcome, Inject, Kind, Row, Target, Unreachable
from tests.faults.scene import Scene
from tests.fleet.host import LabHost
from tests.fleet.processes import wait_for
from tests.fleet.rootfs import USER

_START_SCRIPT = "rm -f /run/docker.pid; dockerd >>/var/log/dockerd.log 2>&1 &"


def _row(id_: str, title: str, expect: ExpectedOutcome, host: str, inject: Inject, **more: Any) -> Row:
    return Row(
        id_, title, Kind.DOCKERD, expect, inject, role=host, slow=True, timeout=8.0, **{"run": "lab", **more}
    )


def _on_host(host: str, fault: Callable[[LabHost], AbstractContextManager[None]]) -> Inject:
    """Reach a host of the lab while it has the fault."""

    @contextlib.contextmanager
    def inject(scene: Scene) -> Iterator[Target]:
        assert scene.lab
        machine = scene.lab.hosts[host]
        key = (machine.folder / "root/etc/ssh/ssh_host_ed25519_key.pub").read_text(encoding="ascii").split()
        lines = (f"HostName {machine.address}", f"User {USER}", f"IdentityFile {scene.lab.identity}")
        with fault(machine):
            yield Target(lines, (f"{machine.address} {key[0]} {key[1]}",), identity=False)

    return inject


def _with_drift(do: str, undo: str) -> Callable[[LabHost], AbstractContextManager[None]]:
    return lambda host: host.drift(do, undo)


@contextlib.contextmanager
def _stopped(host: LabHost) -> Iterator[None]:
    """Stop the engine, as `service docker stop` does, and start it again at the end."""
    _kill_engine(host, "TERM")
    try:
        yield
    finally:
        _start_engine(host)


def _kill_engine(host: LabHost, signal: str) -> None:
    # an ended process remains a zombie: its parent is a sleep
    alive = "[ -e /proc/$pid ] && ! grep -q '^State:.Z' /proc/$pid/status"
    host.sh(f"pid=$(cat /run/docker.pid); kill -{signal} $pid; while {alive}; do sleep 0.05; done")


def _start_engine(host: LabHost) -> None:
    host.sh(_START_SCRIPT)
    wait_for(host.engine_answers, f"the engine of {host.name}")


def _during_answers(
    action: Callable[[LabHost], None], undo: Callable[[LabHost], None], passing: int
) -> Callable[[LabHost], AbstractContextManager[None]]:
    """Put a relay in front of the engine; run `action` after the first `passing` bytes of an answer."""

    @contextlib.contextmanager
    def fault(host: LabHost) -> Iterator[None]:
        sock = host.docker_socket
        hidden_socket = sock.with_name("docker.kept")
        sock.rename(hidden_socket)
        triggered = threading.Event()

        def trigger() -> None:
            if not triggered.is_set():
                triggered.set()
                action(host)

        try:
            with _relay(sock, hidden_socket, trigger, passing):
                yield
        finally:
            sock.unlink()
            hidden_socket.rename(sock)
            undo(host)

    return fault


@contextlib.contextmanager
def _relay(front: Path, back: Path, trigger: Callable[[], None], passing: int) -> Iterator[None]:
    connections: list[socket.socket] = []

    def copy(source: socket.socket, sink: socket.socket, *, answers: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                passed += len(data)
                if answers and passed >= passing:
                    sink.sendall(data[: len(data) // 2])
                    trigger()  # the other half of the answer is lost
                else:
                    sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def serve(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = server.accept()
                engine = socket.socket(socket.AF_UNIX)
                connections.extend((client, engine))
                engine.connect(str(back))
                threading.Thread(
                    target=copy, args=(client, engine), kwargs={"answers": False}, daemon=True
                ).start()
                threading.Thread(target=copy, args=(engine, client), kwargs={"answers": True}, daemon=True).start()

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(front))
        front.chmod(0o666)
        server.listen(64)
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for connection in connections:
                connection.close()


def _drop_packets(host: LabHost) -> None:
    host.run("iptables", "-w", "-I", "INPUT", "-i", "eth0", "-j", "DROP")


def _accept_packets(host: LabHost) -> None:
    host.run("iptables", "-w", "-D", "INPUT", "-i", "eth0", "-j", "DROP", check=False)


def _freeze(host: LabHost) -> None:
    host.sh("kill -STOP $(cat /run/docker.pid)")


def _thaw(host: LabHost) -> None:
    host.sh("kill -CONT $(cat /run/docker.pid)", check=False)
    wait_for(host.engine_answers, f"the engine of {host.name}")


_UNKNOWN = ExpectedFinding("docker.engine", "unknown", "no answer within", ENGINE)

ROWS: tuple[Row, ...] = (
    _row(
        "dockerd-frozen",
        "The engine's process is stopped (SIGSTOP)",
        _UNKNOWN,
        "ol-web1",
        _on_host("ol-web1", lambda host: host.hung_docker()),
    ),
    _row(
        "dockerd-stopped",
        "The engine is stopped, with its containers",
        ExpectedFinding("docker.engine", "drift", "the Docker Engine is stopped", ENGINE),
        "ol-web2",
        _on_host("ol-web2", _stopped),
    ),
    _row(
        "dockerd-no-right",
        "The auditor's user is not in the docker group",
        ExpectedFinding("docker.engine", "unknown", "docker group", ENGINE),
        "ol-solr0",
        _on_host(
            "ol-solr0",
            _with_drift("sed -i.kept 's/^docker:.*/docker:x:999:/' /etc/group", "mv /etc/group.kept /etc/group"),
        ),
    ),
    _row(
        "dockerd-no-forwarding",
        "sshd forwards no sockets, the docker command connects",
        AllOk(),
        "ol-solr1",
        _on_host("ol-solr1", lambda host: host.sshd_option("AllowStreamLocalForwarding no")),
    ),
    _row(
        "dockerd-one-session",
        "MaxSessions is 1",
        AllOk(),
        "ol-covers0",
        _on_host("ol-covers0", lambda host: host.sshd_option("MaxSessions 1")),
    ),
    _row(
        "lab-packets-dropped",
        "A firewall drops all packets to the host",
        Unreachable("timeout", "no answer from"),
        "ol-home0",
        _on_host("ol-home0", lambda host: host.dropping_packets()),
    ),
    _row(
        "lab-refused",
        "No sshd runs on the host",
        Unreachable("refused", "refuses connections"),
        "ol-www0",
        _on_host("ol-www0", lambda host: host.refusing_connections()),
    ),
    _row(
        "dockerd-killed",
        "The engine is killed in the middle of its answers",
        ExpectedFinding("container.missing", "unknown", "Docker", ENGINE),
        "ol-web1",
        _on_host("ol-web1", _during_answers(lambda host: _kill_engine(host, "KILL"), _start_engine, 1)),
        run="lab-asked",
    ),
    _row(
        "dockerd-frozen-midway",
        "The engine's process is stopped (SIGSTOP) in the middle of its answers",
        ExpectedFinding("container.missing", "unknown", "was not complete within", ENGINE, "no answer within"),
        "ol-home0",
        _on_host("ol-home0", _during_answers(_freeze, _thaw, 1)),
        run="lab-asked",
    ),
    _row(
        "lab-packets-dropped-midway",
        "A firewall drops all packets in the middle of the engine's answers",
        ExpectedFinding(
            "container.missing", "unknown", "was not complete within", (*ENGINE, "path."), "no answer within"
        ),
        "ol-covers0",
        _on_host("ol-covers0", _during_answers(_drop_packets, _accept_packets, 1)),
        run="lab-asked",
    ),
)
