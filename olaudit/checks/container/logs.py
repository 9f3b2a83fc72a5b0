"""container.logging: the container's logs cannot fill the disk.

Full disks are what has hurt the fleet most often: internetarchive/openlibrary#7393, #7395, #7977, #11333.
"""

from __future__ import annotations

from olaudit.checks.container import fixes
from olaudit.checks.container.inspect import Container
from olaudit.checks.container.notation import Logs
from olaudit.checks.container.spec import Item, Logging
from olaudit.model import Result

_DRIVER = "json-file"
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def evaluate_logging(item: Item, container: Container, expected: Logging) -> Result:
    """Judge the log driver and its caps, as far as the expected file gives them."""
    size, files = expected.max_size or "", str(expected.max_file or "")
    expectation, logs = item.expectation("logging", str(Logs(_DRIVER, size, files)), "logging"), container.logs
    if logs is None:
        return expectation.unknown("the engine's answer does not tell where its logs go")
    observed = str(logs)
    if logs.driver != _DRIVER:
        message = f"its logs go to the driver {logs.driver}, whose size nobody here has judged"
    elif expected.max_size is not None and not logs.max_size:
        message = "its log grows until the disk is full: nothing caps it"
    elif expected.max_size is not None and _bytes(logs.max_size) != _bytes(expected.max_size):
        message = f"a file of its log may have {logs.max_size}, not {size}"
    elif expected.max_file is not None and (logs.max_file or "1") != files:  # Docker keeps one unless told more
        message = f"its log's max-file is {logs.max_file or '1'}, not {files}"
    else:
        return expectation.ok(observed)
    return expectation.drift(observed, message, fixes.recreate(item.spec))


def _bytes(size: str) -> int | str:
    """Count the bytes of a size as compose.yaml writes it; one in another notation is equal to itself alone."""
    lower = size.lower().removesuffix("b")
    number, unit = lower[:-1], lower[-1:]
    if unit in _UNITS and number.isascii() and number.isdigit() and len(number) < 10:
        return int(number) * _UNITS[unit]
    return int(lower) if lower.isascii() and lower.isdigit() and len(lower) < 19 else size
