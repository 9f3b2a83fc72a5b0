"""Waiting for descriptors, however many a process has open."""

from __future__ import annotations

import fcntl
import os
import resource
import time

from olaudit.transport.polling import readable


def test_a_descriptor_beyond_the_limit_of_select_is_waited_for() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    reading, writing = os.pipe()
    try:
        high = fcntl.fcntl(reading, fcntl.F_DUPFD, 1500)
        started = time.monotonic()
        assert not readable(high, 0.05)
        assert time.monotonic() - started >= 0.05
        os.write(writing, b"x")
        assert readable(high, 10)
        os.read(high, 1)
        os.close(writing)
        assert readable(high, None), "the end of a stream is readable"
        os.close(high)
    finally:
        os.close(reading)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
