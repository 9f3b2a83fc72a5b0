"""Docker Engine of a host, reached from outside through its socket."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker
from docker.types import Healthcheck, LogConfig

from tests.fleet.images import IMAGE, command
from tests.fleet.inventory import UNLIMITED_LOGS, Container
from tests.fleet.processes import wait_for

# Every container has this in its environment. Any output that contains the value is a leak.
SECRET = "lab-secret-that-no-output-may-hold"
OLSYSTEM = "/opt/openlibrary/olsystem"


def answers(path: Path) -> bool:
    """Return whether an engine answers behind the socket at `path`."""
    # Without the SDK: it leaks its socket when nothing listens, as at the start of polling.
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(5)
        connection.connect(str(path))
        connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        return connection.recv(12) == b"HTTP/1.0 200"
    return False


def provision(path: Path, image: Path, containers: tuple[Container, ...]) -> None:
    """Wait for the engine, load the image and start the containers."""
    wait_for(lambda: answers(path), f"the engine at {path}")
    with _client(path) as client:
        with image.open("rb") as tar:
            for _progress in client.load_image(tar):  # type: ignore[no-untyped-call]
                pass
        for container in containers:
            _start(client, container)


@contextmanager
def replaced(path: Path, old: Container, new: Container | None) -> Iterator[None]:
    """Replace a container by `new`, or only remove it, and restore it at the end."""
    with _client(path) as client:
        client.remove_container(old.name, force=True)
        if new:
            _start(client, new)
        try:
            yield
        finally:
            if new:
                client.remove_container(new.name, force=True)
            _start(client, old)


def _start(client: docker.APIClient, container: Container) -> None:
    created = client.create_container(
        image=IMAGE,
        command=command(container.command),
        name=container.name,
        hostname=container.hostname,
        labels=_labels(container),
        environment={"LAB_SECRET": SECRET},
        volumes=["/olsystem"],
        healthcheck=_healthcheck(container),
        host_config=client.create_host_config(
            binds=[f"{OLSYSTEM}:/olsystem:ro"],
            restart_policy={"Name": "unless-stopped"},
            network_mode="none",
            log_config=_logging(container),
        ),
    )
    client.start(created["Id"])


def _labels(container: Container) -> dict[str, str]:
    if container.project is None:
        return {}
    return {
        "com.docker.compose.project": container.project,
        "com.docker.compose.service": container.service,
        "com.docker.compose.container-number": str(container.number),
        "com.docker.compose.oneoff": "False",
    }


def _healthcheck(container: Container) -> Healthcheck | None:
    if container.health is None:
        return None
    return Healthcheck(test=["CMD-SHELL", container.health], interval=10**9, timeout=10**9, retries=1)


def _logging(container: Container) -> LogConfig:
    limited = container.logs_limited
    if limited is None:
        limited = container.service not in UNLIMITED_LOGS
    return LogConfig(type="json-file", config={"max-size": "512m", "max-file": "4"} if limited else {})


@contextmanager
def _client(path: Path) -> Iterator[docker.APIClient]:
    client = docker.APIClient(base_url=f"unix://{path}", version="auto", timeout=60)
    try:
        yield client
    finally:
        client.close()
