"""Reports with changes, from a sequence of three runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from olaudit.history import FindingState, RunScope, advance
from olaudit.model import Failure, Report, Result
from tests.render.reports import (
    BLIND,
    IDS,
    LONG_LINK,
    MISSING,
    RELEASE,
    RENAMED,
    TIMEOUT,
    WEB,
    expectation,
    report,
)

RunResults = Mapping[str, Sequence[Result] | Failure]
"""The results of one run by host, or why the host could not be audited."""

RIGHT_NAME = expectation("container.name", "openlibrary-covers-1", 5).ok("openlibrary-covers-1")
UNKNOWN_CONTAINERS = [result for result in BLIND if result.subject != MISSING.subject]
THREE_RUNS: Sequence[RunResults] = (
    {"ol-covers0": [RENAMED, LONG_LINK], "ol-db1": [], "ol-home0": [WEB, RELEASE], "ol-mem0": TIMEOUT},
    {"ol-covers0": [RIGHT_NAME, LONG_LINK], "ol-db1": TIMEOUT, "ol-home0": [WEB, RELEASE], "ol-mem0": []},
    {"ol-covers0": TIMEOUT, "ol-db1": [], "ol-home0": [*UNKNOWN_CONTAINERS, MISSING, RELEASE], "ol-mem0": []},
)


def report_after(runs: Sequence[RunResults], *, complete: bool = True) -> Report:
    """Return the report of the last run, with its changes; the first run starts on November 20th."""
    states: Mapping[str, FindingState] = {}
    since = None
    for number, results in enumerate(runs):
        without_changes = report(results, complete=complete)
        started = f"2026-11-{20 + number}T03:00:00Z"
        without_changes = replace(without_changes, run=replace(without_changes.run, started_at=started))
        checks = frozenset({"host.reachable", *(check.id for check in IDS)})
        scope = RunScope(hosts=frozenset(results), checks=checks)
        states, with_changes = advance(states, without_changes, scope, since)
        since = started
    return with_changes
