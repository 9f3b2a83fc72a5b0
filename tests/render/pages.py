"""Reports for the page: one with all of its features, and one of the maximum size."""

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
    message="the waiver matches no finding: remove it",
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
    """Set when the finding was first seen: days ago on ol-home0, else in this run; waive those of ol-db1."""
    if finding.verdict is Verdict.OK:
        return finding
    old = finding.host == "ol-home0" and finding.check != "container.missing"
    dated = replace(finding, first_seen="2026-11-20T03:00:00Z" if old else "2026-11-22T17:49:00Z")
    if finding.host != "ol-db1":
        return dated
    return replace(dated, verdict=Verdict.WAIVED, waiver=WAIVER, first_seen="2026-02-01T03:00:00Z")


def run_summaries(last: Report) -> tuple[RunSummary, ...]:
    """Build thirty daily runs up to `last`: two days have no run, and one run was interrupted."""
    started = datetime.fromisoformat(last.run.started_at)
    days = [days_ago for days_ago in range(31, -1, -1) if days_ago not in (12, 13)]
    drift = {days_ago: (days_ago * 7) % 5 if days_ago > 4 else 3 for days_ago in days} | {20: 12, 9: 0, 8: 0, 7: 0}
    unknown = {25: 4, 14: 2, 1: 1}
    earlier = [
        RunSummary(
            id=f"run-{days_ago}",
            started_at=f"{started - timedelta(days=days_ago):%Y-%m-%dT%H:%M:%SZ}",
            complete=days_ago != 25,
            hosts=11,
            unreachable=unknown.get(days_ago, 0),
            ok=40 - drift[days_ago],
            drift=drift[days_ago],
            unknown=unknown.get(days_ago, 0),
            waived=1,
        )
        for days_ago in days
        if days_ago
    ]
    counts = {verdict.value: last.count(verdict) for verdict in Verdict}
    current = RunSummary(
        id=last.run.id,
        started_at=last.run.started_at,
        complete=True,
        hosts=len(last.hosts),
        unreachable=last.unreachable,
        **counts,
    )
    return (*earlier[-29:], current)


def full_report() -> Report:
    """Build a report with every feature of the page."""
    base = report(
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
    base = replace(
        base,
        findings=(UNUSED, *(aged(finding) for finding in base.findings)),
        hosts=tuple(replace(host, roles=ROLES[host.host]) for host in base.hosts),
    )
    changes = Changes(
        since="2026-11-21T17:49:00Z",
        new=frozenset(
            finding.id
            for finding in base.findings
            if finding.verdict is Verdict.DRIFT and finding.first_seen == base.run.started_at
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
            finding.id
            for finding in base.findings
            if finding.verdict is Verdict.UNKNOWN and finding.host.startswith("ol-mem")
        ),
        observed_again=frozenset(
            finding.id
            for finding in base.findings
            if finding.host == "ol-web2" and finding.check == "host.reachable"
        ),
        timeline=run_summaries(base),
    )
    return replace(base, changes=changes)


def large_report(hosts: int = 1000, findings_per_host: int = 5) -> Report:
    """Build a report of `hosts` hosts, each with the same number of findings and some checks that are ok."""
    results = [RENAMED, LONG_LINK, MISSING, *BLIND[:2], RELEASE][:findings_per_host]
    single_host = report({"ol-web0": [*results, WEB, *PATHS]})
    host_results: list[HostResult] = []
    findings: list[Finding] = []
    for number in range(hosts):
        host = f"ol-web{number:04}"
        host_results.append(
            replace(single_host.hosts[0], host=host, roles=("every-host", f"role-{number % 20:02}"))
        )
        findings += [
            replace(finding, host=host, message=f"{finding.message} ({number})", first_seen="2026-11-20T03:00:00Z")
            for finding in single_host.findings
        ]
    return replace(single_host, hosts=tuple(host_results), findings=tuple(findings))
