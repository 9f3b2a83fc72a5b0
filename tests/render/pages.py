"""A report with everything that the page can show, and one as large as it may get."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from olaudit.model import (
    FLEET,
    Changes,
    EpisodeEnd,
    Finding,
    HostResult,
    Report,
    ResolvedDrift,
    RunSummary,
    Severity,
    UnobservedDrift,
    Verdict,
    Waiver,
)
from tests.render.reports import (
    BLIND,
    HOSTKEY,
    LONG_LINK,
    MISSING,
    OTHER,
    PATHS,
    RELEASE,
    RENAMED,
    TIMEOUT,
    WEB,
    report,
)

ROLES = {
    "ol-backup0": ("every-host", "bare-metal"),
    "ol-covers0": ("every-host", "docker-host"),
    "ol-db1": ("every-host", "bare-metal", "database"),
    "ol-home0": ("every-host", "docker-host"),
    "ol-mem0": ("every-host", "bare-metal", "memcached"),
    "ol-mem1": ("every-host", "bare-metal", "memcached"),
    "ol-mem2": ("every-host", "bare-metal", "memcached"),
    "ol-solr0": ("every-host", "docker-host"),
    "ol-web1": ("every-host", "docker-host"),
    "ol-web2": ("every-host", "docker-host"),
    "ol-www0": (),
}
WAIVER = Waiver(
    name="ol-db1 host.os host",
    owner="mek",
    reason="Trusty stays until the database has moved",
    ticket="internetarchive/openlibrary#11234",
    expires="2026-12-31",
    source="expected/waivers.yaml:7",
)
UNUSED = Finding(
    host=FLEET,
    check="waiver.unused",
    subject="ol-web9 container.name *",
    verdict=Verdict.DRIFT,
    severity=Severity.INFO,
    expected="a finding that it accepts",
    observed="none",
    message="the waiver accepts nothing that is there: remove it",
    fix=None,
    source="expected/waivers.yaml:19",
)
MEMORY = Finding(
    host="ol-mem2",
    check="memcached.limit",
    subject="memcached",
    verdict=Verdict.DRIFT,
    severity=Severity.CRITICAL,
    expected="6144 MB",
    observed="64 MB",
    message="memcached may use 64 MB: it runs with its default, not with what its file says",
    fix="systemctl restart memcached",
    source="expected/roles/memcached.yaml:12",
    first_seen="2026-11-20T03:00:00Z",
)


def aged(finding: Finding) -> Finding:
    """Give a finding the age that history would: two days and more for those of ol-home0, else none at all."""
    if finding.verdict is Verdict.OK:
        return finding
    old = finding.host == "ol-home0" and finding.check != "container.missing"
    aged_ = replace(finding, first_seen="2026-11-20T03:00:00Z" if old else "2026-11-22T17:49:00Z")
    if finding.host != "ol-db1":
        return aged_
    return replace(aged_, verdict=Verdict.WAIVED, waiver=WAIVER, first_seen="2026-02-01T03:00:00Z")


def runs(last: Report) -> tuple[RunSummary, ...]:
    """Give thirty nights up to `last`: two of them were left out, and one was interrupted."""
    started = datetime.fromisoformat(last.run.started_at)
    nights = [night for night in range(31, -1, -1) if night not in (12, 13)]
    drift = {night: (night * 7) % 5 if night > 4 else 3 for night in nights} | {20: 12, 9: 0, 8: 0, 7: 0}
    unknown = {25: 4, 14: 2, 1: 1}
    past = [
        RunSummary(
            id=f"night-{night}",
            started_at=f"{started - timedelta(days=night):%Y-%m-%dT%H:%M:%SZ}",
            complete=night != 25,
            hosts=11,
            unreachable=unknown.get(night, 0),
            ok=40 - drift[night],
            drift=drift[night],
            unknown=unknown.get(night, 0),
            waived=1,
        )
        for night in nights
        if night
    ]
    counts = {verdict.value: last.count(verdict) for verdict in Verdict}
    now = RunSummary(
        id=last.run.id,
        started_at=last.run.started_at,
        complete=True,
        hosts=len(last.hosts),
        unreachable=last.unreachable,
        **counts,
    )
    return (*past[-29:], now)


def rich() -> Report:
    """Give a report that shows all there is to show."""
    whole = report(
        {
            "ol-backup0": [],
            "ol-covers0": [WEB, RENAMED, LONG_LINK],
            "ol-db1": [RELEASE],
            "ol-home0": [MISSING, WEB, *PATHS, RENAMED, RELEASE],
            "ol-mem0": [WEB],
            "ol-mem1": HOSTKEY,
            "ol-mem2": TIMEOUT,
            "ol-solr0": [*BLIND, OTHER, *PATHS],
            "ol-web1": [WEB, *PATHS],
            "ol-web2": [WEB, *PATHS],
            "ol-www0": [WEB, RELEASE],
        }
    )
    whole = replace(
        whole,
        findings=(UNUSED, *(aged(finding) for finding in whole.findings)),
        hosts=tuple(replace(host, roles=ROLES[host.host]) for host in whole.hosts),
    )
    changes = Changes(
        since="2026-11-21T17:49:00Z",
        new=frozenset(
            one.id
            for one in whole.findings
            if one.verdict is Verdict.DRIFT and one.first_seen == whole.run.started_at
        ),
        resolved=(
            ResolvedDrift(
                finding=replace(MEMORY, host="ol-mem0", subject="memcached", first_seen="2026-11-14T03:00:00Z"),
                last_seen="2026-11-21T17:49:00Z",
                ending=EpisodeEnd.FIXED,
            ),
        ),
        unobserved=(UnobservedDrift(finding=MEMORY, last_seen="2026-11-21T17:49:00Z"),),
        newly_unknown=frozenset(
            one.id for one in whole.findings if one.verdict is Verdict.UNKNOWN and one.host.startswith("ol-mem")
        ),
        observed_again=frozenset(
            one.id for one in whole.findings if one.host == "ol-web2" and one.check == "host.reachable"
        ),
        timeline=runs(whole),
    )
    return replace(whole, changes=changes)


def many(hosts: int = 1000, each: int = 5) -> Report:
    """Give a report of a fleet with as many hosts, every one of them with as many findings and forty checks ok."""
    bad = [RENAMED, LONG_LINK, MISSING, *BLIND[:2], RELEASE][:each]
    small = report({"ol-web0": [*bad, WEB, *PATHS]})
    results: list[HostResult] = []
    findings: list[Finding] = []
    for number in range(hosts):
        host = f"ol-web{number:04}"
        results.append(replace(small.hosts[0], host=host, roles=("every-host", f"role-{number % 20:02}")))
        findings += [
            replace(one, host=host, message=f"{one.message} ({number})", first_seen="2026-11-20T03:00:00Z")
            for one in small.findings
        ]
    return replace(small, hosts=tuple(results), findings=tuple(findings))
