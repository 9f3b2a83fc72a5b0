"""Reports with what earlier runs say beside them: three nights, by history's own rules."""

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

Told = Mapping[str, Sequence[Result] | Failure]

NAMED_WELL = expectation("container.name", "openlibrary-covers-1", 5).ok("openlibrary-covers-1")
OTHERS = [one for one in BLIND if one.subject != MISSING.subject]
NIGHTS: Sequence[Told] = (
    {"ol-covers0": [RENAMED, LONG_LINK], "ol-db1": [], "ol-home0": [WEB, RELEASE], "ol-mem0": TIMEOUT},
    {"ol-covers0": [NAMED_WELL, LONG_LINK], "ol-db1": TIMEOUT, "ol-home0": [WEB, RELEASE], "ol-mem0": []},
    {"ol-covers0": TIMEOUT, "ol-db1": [], "ol-home0": [*OTHERS, MISSING, RELEASE], "ol-mem0": []},
)


def after(nights: Sequence[Told], *, complete: bool = True) -> Report:
    """Give the report of the last of some nights."""
    states: Mapping[str, FindingState] = {}
    since = None
    for number, said in enumerate(nights):
        bare = report(said, complete=complete)
        started = f"2026-11-{20 + number}T03:00:00Z"
        bare = replace(bare, run=replace(bare.run, started_at=started))
        scope = RunScope(hosts=frozenset(said), checks=frozenset({"host.reachable", *(one.id for one in IDS)}))
        states, aged = advance(states, bare, scope, since)
        since = started
    return aged
