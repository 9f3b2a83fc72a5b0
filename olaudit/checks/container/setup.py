"""container.hostname, .image, .mounts, .ports, .logging, .service: settings of a container.

A setting that the expected file omits is not evaluated. All of these are fixed when a container is created, so
the fix is to recreate it with Compose.
"""

from collections.abc import Iterable, Iterator
from functools import partial

from olaudit.checks.container import fixes
from olaudit.checks.container.pairing import Pair, parse_compose_name
from olaudit.checks.container.spec import Logging
from olaudit.facts.container_settings import LogSettings, Mount, Port, parse_mount, parse_port
from olaudit.language import Expect
from olaudit.model import Check, Result, Severity, Unknown

HOSTNAME = Check("container.hostname", Severity.WARNING, "the container has another hostname", fixes.RECREATE)
IMAGE = Check("container.image", Severity.WARNING, "the container was created from another image", fixes.RECREATE)
MOUNTS = Check(
    "container.mounts",
    Severity.WARNING,
    "an expected mount is absent, or has another source or mode",
    fixes.RECREATE,
)
PORTS = Check(
    "container.ports", Severity.WARNING, "the published ports differ from the expected ones", fixes.RECREATE
)
# A warning: a disk fills over weeks, nothing is down yet. But full disks are the most frequent cause of outages:
# internetarchive/openlibrary#7393, #7395, #7977, #11333.
LOGGING = Check(
    "container.logging",
    Severity.WARNING,
    "its logs have another driver or other limits, or grow without limit",
    f"{fixes.RECREATE}: log limits are set when a container is created",
)
SERVICE = Check(
    "container.service",
    Severity.WARNING,
    "Compose started the container for another service, or did not start it",
    f"`docker rm NAME`, then {fixes.UP}",
)

_LOG_DRIVER = "json-file"
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def evaluate_setup(pair: Pair) -> Iterator[Result]:
    """Evaluate those settings of a container that the expected file gives."""
    spec, observed, fix = pair.spec, pair.container, fixes.recreate(pair.spec)
    if spec.hostname is not None:
        hostname = pair.expect(HOSTNAME, spec.hostname.value, "hostname")
        yield hostname.compare(observed.hostname, partial(_compare_hostname, observed.id, spec.hostname), fix)
    if spec.image is not None:
        image = pair.expect(IMAGE, spec.image.value, "image")
        yield image.compare(observed.image, partial(_compare_image, spec.image), fix)
    if spec.mounts is not None:
        mounts = pair.expect(MOUNTS, _join(spec.mounts), "mounts")
        yield mounts.compare(observed.mounts, partial(_compare_mounts, pair, spec.mounts), fix)
    if spec.ports is not None:
        expected = {parse_port(text) for text in spec.ports}
        ports = pair.expect(PORTS, _join(sorted(expected)), "ports")
        yield ports.compare(observed.ports, partial(_compare_ports, pair, expected), fix)
    if (limits := spec.logging) is not None and limits != Logging():
        settings = LogSettings(_LOG_DRIVER, limits.max_size or "", str(limits.max_file or ""))
        logging = pair.expect(LOGGING, str(settings), "logging")
        yield logging.compare(observed.logs, lambda logs: (str(logs), _log_problem(logs, limits)), fix)
    yield from _service(pair)


def _compare_hostname(container_id: str, expected: Expect[str], hostname: str) -> tuple[str, str]:
    if hostname in expected.values:
        return hostname, ""
    if hostname and container_id.startswith(hostname):
        return hostname, f"it was created without a hostname: its hostname is its id, {hostname}"
    return hostname, f"its hostname is {hostname or 'empty'}"


def _compare_image(expected: Expect[str], image: str) -> tuple[str, str]:
    is_expected = _full_reference(image) in map(_full_reference, expected.values)
    return image, "" if is_expected else f"it was created from the image {image}"


def _full_reference(image: str) -> str:
    """Normalize an image reference: "haproxy" and "docker.io/library/haproxy:latest" are the same."""
    name = image.removeprefix("docker.io/").removeprefix("library/")
    tagged = ":" in name.rpartition("/")[2] or "@" in name
    return name if tagged else f"{name}:latest"


def _compare_mounts(pair: Pair, expected: tuple[str, ...], mounts: tuple[Mount, ...]) -> tuple[str, str]:
    """Compare the expected mounts, each with its source and mode; further mounts are not compared."""
    by_destination = {mount.destination: mount for mount in mounts}
    pairs = [(mount, by_destination.get(mount.destination)) for mount in map(parse_mount, expected)]
    problems = [problem for mount in pairs if (problem := _mount_problem(pair, *mount))]
    return _join(mount for _, mount in pairs if mount is not None), "; ".join(problems)


def _mount_problem(pair: Pair, expected: Mount, observed: Mount | None) -> str:
    if observed is None:
        return f"nothing is mounted at {expected.destination}"
    if observed.source not in _source_names(pair, expected):
        return f"{expected.destination} is mounted from {observed.source}, not from {expected.source}"
    if observed.writable is not expected.writable:
        return f"{expected.destination} is {'writable' if observed.writable else 'read-only'}"
    return ""


def _source_names(pair: Pair, expected: Mount) -> set[str]:
    """Return the names that Docker may use for the source: Compose adds the project to a volume's name."""
    name = parse_compose_name(pair.spec.name.value, pair.spec.service)
    if expected.source.startswith("/") or name is None:
        return {expected.source}
    return {expected.source, f"{name.project}_{expected.source}"}


def _compare_ports(pair: Pair, expected: set[Port], published: tuple[Port, ...]) -> tuple[str, str]:
    """Compare the published ports. They are settings, so they are known for a stopped container too."""
    ports, observed = set(published), _join(published)
    if ports != expected and pair.container.network == "host":
        return observed, "it uses the host's network: it publishes no ports, and every port it listens on is open"
    differences = (
        ("not published: ", sorted(expected - ports)),
        ("published, but not expected: ", sorted(ports - expected)),
    )
    return observed, "; ".join(label + _join(group) for label, group in differences if group)


def _log_problem(logs: LogSettings, expected: Logging) -> str:
    files = logs.max_file or "1"  # Docker's default is one file
    if logs.driver != _LOG_DRIVER:
        return f"its log driver is {logs.driver}, not {_LOG_DRIVER}: its log size is not checked"
    if expected.max_size is not None and not logs.max_size:
        return "its log has no max-size and grows until the disk is full"
    if expected.max_size is not None and _bytes(logs.max_size) != _bytes(expected.max_size):
        return f"its log's max-size is {logs.max_size}, not {expected.max_size}"
    if expected.max_file is not None and files != str(expected.max_file):
        return f"its log's max-file is {files}, not {expected.max_file}"
    return ""


def _bytes(size: str) -> int | str:
    """Parse a size of compose.yaml to bytes; return a size in another notation unchanged."""
    lower = size.lower().removesuffix("b")
    number, unit = lower[:-1], lower[-1:]
    if unit in _UNITS and number.isascii() and number.isdigit() and len(number) < 10:
        return int(number) * _UNITS[unit]
    return int(lower) if lower.isascii() and lower.isdigit() and len(lower) < 19 else size


def _service(pair: Pair) -> Iterator[Result]:
    """Evaluate Compose's service label if it is set, or if the expected name is of Compose's form."""
    spec, compose = pair.spec, pair.container.compose
    expectation = pair.expect(SERVICE, spec.service, "service")
    name = parse_compose_name(spec.name.value, spec.service)
    if isinstance(compose, Unknown):
        yield expectation.unknown(compose.reason)
    elif compose.service == spec.service:
        yield expectation.ok(compose.service)
    elif compose.service:
        message = f"Compose started it for the service {compose.service}"
        yield expectation.drift(compose.service, message, fixes.replace(spec, pair.container))
    elif name is not None and name.project:
        message = "not started by Compose: it has no service label, so `docker compose` does not manage it"
        yield expectation.drift("no label", message, fixes.replace(spec, pair.container))


def _join(values: Iterable[object]) -> str:
    return ", ".join(map(str, values)) or "none"
