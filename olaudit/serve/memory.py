"""Memory limits for a process that runs for months and starts a few threads for each audit."""

from __future__ import annotations

import contextlib
import ctypes

_ARENA_MAX = -8
"""M_ARENA_MAX of glibc's malloc.h."""

_ARENAS = 2


def limit_arenas() -> None:
    """Limit glibc's malloc to two arenas for all threads; do nothing with other C libraries.

    By default glibc creates up to eight arenas for each core, and each arena retains the memory that its threads
    freed. With answers of some MiB, the memory of `serve` grew for thousands of audits (benchmarks/serve_soak.py).
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, _ARENAS)
