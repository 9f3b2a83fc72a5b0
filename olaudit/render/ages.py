"""Texts for times and ages, shared by all formats."""

from __future__ import annotations

from datetime import datetime

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))


def moment(rfc3339: str | None) -> str:
    """Format a time (RFC 3339, UTC) to the minute, as `2026-11-20 03:00 UTC`."""
    return f"{datetime.fromisoformat(rfc3339):%Y-%m-%d %H:%M} UTC" if rfc3339 else "an unknown time"


def age(since: str, until: str) -> str:
    """Format the time between two times (RFC 3339) in the largest unit that fits at least once: `3 days`."""
    seconds = (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds()
    for length, unit in _UNITS:
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return "less than a minute"
