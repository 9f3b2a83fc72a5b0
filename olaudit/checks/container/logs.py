"""container.logging: the container's logs cannot fill the disk.

Full disks are the most frequent cause of outages: internetarchive/openlibrary#7393, #7395, #7977, #11333.
"""

from __future__ import annotations

from olaudit.checks.container import fixes
from olaudit.checks.container.inspect import Container
from olaudit.checks.container.notation import LogSettings
from olaudit.checks.container.spec import ContainerItem, Logging
from olaudit.model import Result

_DRIVER = "json-file"
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def evaluate_logging(item: ContainerItem, container: Container, expected: Logging) -> Result:
    """Evaluate the log driver and those of its limits that the expected file sets."""
    size, files = expected.max_size or "", str(expected.max_file or "")
    settings = LogSettings(_DRIVER, size, files)
    expectation, logs = item.expectation("logging", str(settings), "logging"), container.logs
    if logs is None:
        return expectation.unknown("the Docker Engine returned no valid log settings")
    observed = str(logs)
    if logs.driver != _DRIVER:
        message = f"its log driver is {logs.driver}, not {_DRIVER}: its log size is not checked"
    elif expected.max_size is not None and not logs.max_size:
        message = "its log has no max-size and grows until the disk is full"
    elif expected.max_size is not None and _bytes(logs.max_size) != _bytes(expected.max_size):
        message = f"its log's max-size is {logs.max_size}, not {size}"
    elif expected.max_file is not None and (logs.max_file or "1") != files:  # Docker's default is one file
        message = f"its log's max-file is {logs.max_file or '1'}, not {files}"
    else:
        return expectation.ok(observed)
    return expectation.drift(observed, message, fixes.recreate(item.spec))


def _bytes(size: str) -> int | str:
    """Parse a size of compose.yaml to bytes; return a size in another notation unchanged."""
    lower = size.lower().removesuffix("b")
    number, unit = lower[:-1], lower[-1:]
    if unit in _UNITS and number.isascii() and number.isdigit() and len(number) < 10:
        return int(number) * _UNITS[unit]
    return int(lower) if lower.isascii() and lower.isdigit() and len(lower) < 19 else size
