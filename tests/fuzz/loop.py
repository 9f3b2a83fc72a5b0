"""Runners of fuzz targets: a plain loop over random and mutated inputs, or atheris, guided by coverage."""

from __future__ import annotations

import hashlib
import importlib.util
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from tests.fuzz.frames import frames, noise
from tests.fuzz.parsers import parsers
from tests.fuzz.renderers import renderers

TARGETS: Mapping[str, Callable[[bytes], None]] = MappingProxyType(
    {"parsers": parsers, "frames": frames, "noise": noise, "renderers": renderers}
)

_LONGEST = 2000
_CORPUS = 500  # inputs that are kept for mutation


@dataclass
class FuzzResult:
    """Number of inputs that ran, and the failures: input file and error by the place of the error."""

    executions: int = 0
    failures: dict[str, tuple[Path, str]] = field(default_factory=dict)


def run_plain(name: str, seconds: float, seed: int, max_inputs: int = sys.maxsize) -> FuzzResult:
    """Run the target for `seconds` or up to `max_inputs` inputs; record one failure per place."""
    target, result, source = TARGETS[name], FuzzResult(), random.Random(seed)
    corpus: list[bytes] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until and result.executions < max_inputs:
        data = _next_input(source, corpus)
        corpus = [*corpus[-_CORPUS:], data] if source.random() < 0.1 else corpus
        result.executions += 1
        try:
            target(data)
        except Exception as error:  # noqa: BLE001 - any exception is a failure
            place = _place(error)
            if place not in result.failures:
                result.failures[place] = (_write_input(name, data), f"{type(error).__name__}: {error}"[:500])
    return result


def _next_input(source: random.Random, corpus: list[bytes]) -> bytes:
    data = bytearray(source.choice(corpus)) if corpus and source.random() < 0.5 else bytearray()
    if not data:
        return source.randbytes(source.randint(1, _LONGEST))
    for _ in range(source.randint(1, 8)):
        data[source.randrange(len(data))] = source.randrange(256)
    return bytes(data)


def _place(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"


def _write_input(name: str, data: bytes) -> Path:
    file = Path(tempfile.gettempdir()) / f"fuzz-{name}-{hashlib.sha256(data).hexdigest()[:12]}"
    file.write_bytes(data)
    return file


def run_input(name: str, data: bytes) -> int:
    """Run one input; a failure raises."""
    TARGETS[name](data)
    print("no failure")
    return 0


_ATHERIS = """
import sys
import atheris
with atheris.instrument_imports(include=["olaudit"]):
    from tests.fuzz.loop import TARGETS
target = TARGETS[sys.argv.pop(1)]
target(b"")  # initialise caches before the first timed input
atheris.Setup(sys.argv, target)
atheris.Fuzz()
"""


def run_atheris(name: str, seconds: float, seed: int) -> int | None:
    """Run atheris in a separate process and return its status; None if it is not installed."""
    if importlib.util.find_spec("atheris") is None:
        return None
    prefix = f"-artifact_prefix={tempfile.gettempdir()}/fuzz-{name}-"
    options = (f"-max_total_time={int(seconds)}", f"-seed={seed}", f"-max_len={_LONGEST}", "-print_final_stats=1")
    argv = [sys.executable, "-c", _ATHERIS, name, *options, "-timeout=20", "-rss_limit_mb=1000", prefix]
    return subprocess.run(argv, check=False).returncode
