"""Times in recorded answers, moved so that the recording was made now."""

import re
import time
from datetime import UTC, datetime

RECORDED_AT = 1767225600.0
"""The time at which all hosts were recorded (2026-01-01 00:00 UTC), in seconds since 1970."""

_OPENSSL = "%b %d %H:%M:%S %Y GMT"
_TIMES = re.compile(
    rf"\b(?P<seconds>{RECORDED_AT:.0f})(?P<fraction>\.0{{9}})?\b"
    r"|\b(?P<docker>20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d{9}Z"
    r"|\b(?P<openssl>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d 20\d\d GMT)\b"
)


def docker_time(seconds: float) -> str:
    """Format a time (seconds since 1970) as Docker does."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.000000000Z"


def openssl_time(seconds: float) -> str:
    """Format a time (seconds since 1970) as openssl does."""
    return time.strftime(_OPENSSL, time.gmtime(seconds))


def to_present(text: str) -> str:
    """Move all times of a recorded text: those of `date`, of Docker and of openssl."""
    now = time.time()

    def move(match: re.Match[str]) -> str:
        if match["seconds"]:
            return f"{now:.9f}" if match["fraction"] else str(int(now))
        if match["docker"]:
            return docker_time(datetime.fromisoformat(f"{match['docker']}Z").timestamp() + now - RECORDED_AT)
        recorded = datetime.strptime(match["openssl"], _OPENSSL).replace(tzinfo=UTC).timestamp()
        return openssl_time(recorded + now - RECORDED_AT)

    return _TIMES.sub(move, text)
