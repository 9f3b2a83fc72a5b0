"""Waiting for file descriptors, including those above the limit of select(2)."""

from __future__ import annotations

import fcntl
import os
import resource
import time

from olaudit.transport.process import readable


def test_descriptor_beyond_the_limit_of_select_is_polled() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    read_end, write_end = os.pipe()
    try:
        high = fcntl.fcntl(read_end, fcntl.F_DUPFD, 1500)
        started = time.monotonic()
        assert not readable(high, 0.05)
        assert time.monotonic() - started >= 0.05
        os.write(write_end, b"x")
        assert readable(high, 10)
        os.read(high, 1)
        os.close(write_end)
        assert readable(high, None), "the end of a stream is readable"
        os.close(high)
    finally:
        os.close(read_end)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
