"""container.hostname, .image, .mounts, .ports, .logging, .service: is it set up as expected.

What the expected file does not give is not judged. All of this is fixed when a container is created, so
mending it means to have Compose create it anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from olaudit.checks.container import fixes
from olaudit.checks.container.inspect import Container
from olaudit.checks.container.logs import evaluate_logging
from olaudit.checks.container.notation import Mount, parse_mount, parse_port
from olaudit.checks.container.pairing import parse_compose_name
from olaudit.checks.container.spec import Item, Logging
from olaudit.language import Expect
from olaudit.model import Result


def evaluate_setup(item: Item, container: Container) -> Iterator[Result]:
    """Judge what a container was created with, as far as the expected file says."""
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


def _hostname(item: Item, container: Container, expected: Expect[str]) -> Result:
    expectation, hostname = item.expectation("hostname", expected.value, "hostname"), container.hostname
    if hostname is None:
        return expectation.unknown("the engine's answer does not tell its hostname")
    if hostname in expected.values:
        return expectation.ok(hostname)
    if hostname and container.id.startswith(hostname):
        message = f"it was given no hostname, so it calls itself {hostname}, by its id"
    else:
        message = f"it calls itself {hostname or 'nothing'}"
    return expectation.drift(hostname, message, fixes.recreate(item.spec))


def _image(item: Item, container: Container, expected: Expect[str]) -> Result:
    expectation, image = item.expectation("image", expected.value, "image"), container.image
    if image is None:
        return expectation.unknown("the engine's answer does not tell its image")
    if _reference(image) in {_reference(value) for value in expected.values}:
        return expectation.ok(image)
    return expectation.drift(image, f"it was created from the image {image}", fixes.recreate(item.spec))


def _reference(image: str) -> str:
    """Write out what Docker leaves implied: "haproxy" is "docker.io/library/haproxy:latest"."""
    name = image.removeprefix("docker.io/").removeprefix("library/")
    tagged = ":" in name.rpartition("/")[2] or "@" in name
    return name if tagged else f"{name}:latest"


def _mounts(item: Item, container: Container, texts: tuple[str, ...]) -> Result:
    """Judge the expected mounts, each with its source and mode; further ones are nobody's business here."""
    expectation, mounts = item.expectation("mounts", _listed(texts), "mounts"), container.mounts
    if mounts is None:
        return expectation.unknown("the engine's answer does not tell its mounts")
    expected = [parse_mount(text) for text in texts]
    places = {mount.destination: mount for mount in mounts}
    observed = _listed([str(places[want.destination]) for want in expected if want.destination in places])
    wrong = [problem for want in expected if (problem := _mount_problem(item, want, places.get(want.destination)))]
    if not wrong:
        return expectation.ok(observed)
    return expectation.drift(observed, "; ".join(wrong), fixes.recreate(item.spec))


def _mount_problem(item: Item, want: Mount, have: Mount | None) -> str:
    if have is None:
        return f"nothing is mounted at {want.destination}"
    if have.source not in _sources(item, want):
        return f"{want.destination} is {have.source}, not {want.source}"
    if have.writable is not want.writable:
        return f"{want.destination} is {'writable' if have.writable else 'read-only'}"
    return ""


def _sources(item: Item, want: Mount) -> set[str]:
    """Give the names under which Docker may know the source: Compose puts the project before a volume's."""
    name = parse_compose_name(item.spec.name.value, item.spec.service)
    if want.source.startswith("/") or name is None:
        return {want.source}
    return {want.source, f"{name.project}_{want.source}"}


def _ports(item: Item, container: Container, texts: tuple[str, ...]) -> Result:
    """Judge the published ports. They are the container's settings, so they can be told while it is stopped."""
    expected = {parse_port(text) for text in texts}
    expectation = item.expectation("ports", _listed([str(port) for port in sorted(expected)]), "ports")
    if container.ports is None:
        return expectation.unknown("the engine's answer does not tell its ports")
    have, observed = set(container.ports), _listed([str(port) for port in container.ports])
    if have == expected:
        return expectation.ok(observed)
    if container.network == "host":
        message = "it uses the host's own network, so it publishes nothing, and all it listens on is open"
        return expectation.drift(observed, message, fixes.recreate(item.spec))
    parts = (
        ("not published: ", sorted(expected - have)),
        ("published, but not expected: ", sorted(have - expected)),
    )
    message = "; ".join(said + _listed([str(port) for port in ports]) for said, ports in parts if ports)
    return expectation.drift(observed, message, fixes.recreate(item.spec))


def _service(item: Item, container: Container) -> Iterator[Result]:
    """Judge Compose's label: always where the expected name is of Compose's making, else where there is one."""
    spec, compose = item.spec, container.compose
    expectation = item.expectation("service", spec.service, "service")
    name = parse_compose_name(spec.name.value, spec.service)
    if compose is None:
        yield expectation.unknown("the engine's answer does not tell its labels")
    elif compose.service == spec.service:
        yield expectation.ok(compose.service)
    elif compose.service:
        message = f"Compose started it for the service {compose.service}"
        yield expectation.drift(compose.service, message, fixes.replace(spec, container))
    elif name is not None and name.project:
        message = "not started by Compose: it has no label of a service, so `docker compose` does not know it"
        yield expectation.drift("no label", message, fixes.replace(spec, container))


def _listed(texts: list[str] | tuple[str, ...]) -> str:
    return ", ".join(texts) or "none"
