"""container.hostname, .image, .mounts, .ports, .logging, .service: settings of a container.

A setting that the expected file omits is not evaluated. All of these are fixed when a container is created, so
the fix is to recreate it with Compose.
"""

from __future__ import annotations

from collections.abc import Iterator

from olaudit.checks.container import fixes
from olaudit.checks.container.inspect import Container
from olaudit.checks.container.logs import evaluate_logging
from olaudit.checks.container.notation import Mount, parse_mount, parse_port
from olaudit.checks.container.pairing import parse_compose_name
from olaudit.checks.container.spec import ContainerItem, Logging
from olaudit.language import Expect
from olaudit.model import Result


def evaluate_setup(item: ContainerItem, container: Container) -> Iterator[Result]:
    """Evaluate those settings of a container that the expected file gives."""
    spec = item.spec
    if spec.hostname is not None:
        yield _hostname(item, container, spec.hostname)
    if spec.image is not None:
        yield _image(item, container, spec.image)
    if spec.mounts is not None:
        yield _mounts(item, container, spec.mounts)
    if spec.ports is not None:
        yield _ports(item, container, spec.ports)
    if spec.logging is not None and spec.logging != Logging():
        yield evaluate_logging(item, container, spec.logging)
    yield from _service(item, container)


def _hostname(item: ContainerItem, container: Container, expected: Expect[str]) -> Result:
    expectation, hostname = item.expectation("hostname", expected.value, "hostname"), container.hostname
    if hostname is None:
        return expectation.unknown("the Docker Engine returned no valid hostname")
    if hostname in expected.values:
        return expectation.ok(hostname)
    if hostname and container.id.startswith(hostname):
        message = f"it was created without a hostname: its hostname is its id, {hostname}"
    else:
        message = f"its hostname is {hostname or 'empty'}"
    return expectation.drift(hostname, message, fixes.recreate(item.spec))


def _image(item: ContainerItem, container: Container, expected: Expect[str]) -> Result:
    expectation, image = item.expectation("image", expected.value, "image"), container.image
    if image is None:
        return expectation.unknown("the Docker Engine returned no valid image")
    if _full_reference(image) in {_full_reference(value) for value in expected.values}:
        return expectation.ok(image)
    return expectation.drift(image, f"it was created from the image {image}", fixes.recreate(item.spec))


def _full_reference(image: str) -> str:
    """Normalize an image reference: "haproxy" and "docker.io/library/haproxy:latest" are the same."""
    name = image.removeprefix("docker.io/").removeprefix("library/")
    tagged = ":" in name.rpartition("/")[2] or "@" in name
    return name if tagged else f"{name}:latest"


def _mounts(item: ContainerItem, container: Container, texts: tuple[str, ...]) -> Result:
    """Evaluate the expected mounts, each with its source and mode; further mounts are not evaluated."""
    expectation, mounts = item.expectation("mounts", _join(texts), "mounts"), container.mounts
    if mounts is None:
        return expectation.unknown("the Docker Engine returned no valid mounts")
    expected_mounts = [parse_mount(text) for text in texts]
    by_destination = {mount.destination: mount for mount in mounts}
    observed = _join(
        [
            str(by_destination[mount.destination])
            for mount in expected_mounts
            if mount.destination in by_destination
        ]
    )
    problems = [
        problem
        for mount in expected_mounts
        if (problem := _mount_problem(item, mount, by_destination.get(mount.destination)))
    ]
    if not problems:
        return expectation.ok(observed)
    return expectation.drift(observed, "; ".join(problems), fixes.recreate(item.spec))


def _mount_problem(item: ContainerItem, expected: Mount, observed: Mount | None) -> str:
    if observed is None:
        return f"nothing is mounted at {expected.destination}"
    if observed.source not in _source_names(item, expected):
        return f"{expected.destination} is mounted from {observed.source}, not from {expected.source}"
    if observed.writable is not expected.writable:
        return f"{expected.destination} is {'writable' if observed.writable else 'read-only'}"
    return ""


def _source_names(item: ContainerItem, expected: Mount) -> set[str]:
    """Return the names that Docker may use for the source: Compose adds the project to a volume's name."""
    name = parse_compose_name(item.spec.name.value, item.spec.service)
    if expected.source.startswith("/") or name is None:
        return {expected.source}
    return {expected.source, f"{name.project}_{expected.source}"}


def _ports(item: ContainerItem, container: Container, texts: tuple[str, ...]) -> Result:
    """Evaluate the published ports. They are settings, so they are known for a stopped container too."""
    expected_ports = {parse_port(text) for text in texts}
    expectation = item.expectation("ports", _join([str(port) for port in sorted(expected_ports)]), "ports")
    if container.ports is None:
        return expectation.unknown("the Docker Engine returned no valid ports")
    ports, observed = set(container.ports), _join([str(port) for port in container.ports])
    if ports == expected_ports:
        return expectation.ok(observed)
    if container.network == "host":
        message = "it uses the host's network: it publishes no ports, and every port it listens on is open"
        return expectation.drift(observed, message, fixes.recreate(item.spec))
    differences = (
        ("not published: ", sorted(expected_ports - ports)),
        ("published, but not expected: ", sorted(ports - expected_ports)),
    )
    message = "; ".join(label + _join([str(port) for port in group]) for label, group in differences if group)
    return expectation.drift(observed, message, fixes.recreate(item.spec))


def _service(item: ContainerItem, container: Container) -> Iterator[Result]:
    """Evaluate Compose's service label if it is set, or if the expected name is of Compose's form."""
    spec, compose = item.spec, container.compose
    expectation = item.expectation("service", spec.service, "service")
    name = parse_compose_name(spec.name.value, spec.service)
    if compose is None:
        yield expectation.unknown("the Docker Engine returned no valid labels")
    elif compose.service == spec.service:
        yield expectation.ok(compose.service)
    elif compose.service:
        message = f"Compose started it for the service {compose.service}"
        yield expectation.drift(compose.service, message, fixes.replace(spec, container))
    elif name is not None and name.project:
        message = "not started by Compose: it has no service label, so `docker compose` does not manage it"
        yield expectation.drift("no label", message, fixes.replace(spec, container))


def _join(texts: list[str] | tuple[str, ...]) -> str:
    return ", ".join(texts) or "none"
