"""Sample reports: built by `audit`, like real ones, from the results defined here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from olaudit import waivers
from olaudit.audit import audit, select_checks
from olaudit.checker import Checker
from olaudit.expected.spec import FleetSpec, HostSpec, Place, WaiverSpec
from olaudit.model import (
    Answers,
    Check,
    Expectation,
    Failure,
    FailureReason,
    Finding,
    HostAnswers,
    Report,
    Result,
    Run,
    Severity,
    Verdict,
)
from tests import values

IDS = (
    Check("container.missing", Severity.CRITICAL, "it does not exist"),
    Check("container.name", Severity.WARNING, "it has another name"),
    Check("container.state", Severity.CRITICAL, "it is not running"),
    Check("host.os", Severity.INFO, "another release runs"),
    Check("path.type", Severity.WARNING, "its type differs"),
    Check("symlink.target", Severity.WARNING, "its target differs"),
)
CHECKER: Checker[Sequence[Result]] = Checker(
    section="results",
    model=Any,
    checks=IDS,
    facts=lambda _: (),
    evaluate=lambda results, _: results,
    metrics=values.METRICS,
)


def run(*, complete: bool = True) -> Run:
    return values.run(
        id="20261122T174900Z-5f3a",
        started_at="2026-11-22T17:49:00Z",
        finished_at="2026-11-22T17:49:04Z",
        duration_seconds=4.25,
        complete=complete,
    )


def host_spec(host: str, results: Sequence[Result] = ()) -> HostSpec:
    file = f"hosts/{host}.yaml"
    places = {(): Place(file, 1)} | {result.at: Place(file, int(result.at[1])) for result in results if result.at}
    return HostSpec(name=host, roles=(), sections={"results": results}, places=places)


def report(outcomes: Mapping[str, Sequence[Result] | Failure], *, complete: bool = True) -> Report:
    """Build the report of hosts with the given results, or failures."""
    hosts = [
        host_spec(host, () if isinstance(outcome, Failure) else outcome) for host, outcome in outcomes.items()
    ]
    answers = [
        HostAnswers(host, outcome if isinstance(outcome, Failure) else Answers({}), 0.5)
        for host, outcome in outcomes.items()
    ]
    return audit(hosts, answers, [CHECKER], select_checks([CHECKER]), run(complete=complete))


def expectation(check: str, subject: str, line: int = 1, expected: str = "") -> Expectation:
    return next(candidate for candidate in IDS if candidate.id == check).expect(
        subject, ("results", line), expected
    )


WEB = expectation("container.state", "openlibrary-web-1", 7, "running").ok("running")
RENAMED = expectation("container.name", "openlibrary-covers-1", 5, "openlibrary-covers-1").drift(
    "openlibrary_covers_1",
    "the container has Compose v1's separators in its name",
    "docker rename openlibrary_covers_1 openlibrary-covers-1",
)
MISSING = expectation("container.missing", "openlibrary-importbot-1", 9, "openlibrary-importbot-1").drift(
    "no container",
    "the service importbot has no container",
    "cd /opt/openlibrary && HOSTNAME=$HOSTNAME docker compose -f compose.yaml -f compose.production.yaml "
    "--profile ol-home0 up -d --no-deps importbot",
)
RELEASE = expectation("host.os", "host", 3, "Ubuntu 20.04").drift("Ubuntu 18.04", "the host runs another release")
LONG_LINK = expectation(
    "symlink.target",
    "/opt/openlibrary/olsystem",
    14,
    "/opt/openlibrary/deploys/olsystem/olsystem",
).drift(
    "/opt/openlibrary/deploys/olsystem/3f1c2d9a7b603f1c2d9a7b603f1c2d9a7b603f1c/a/very/long/way/to/get/nowhere",
    "the link's target is not the active deploy, so the code of the next deploy will not be the code that runs on "
    "this host",
    "ln -sfn /opt/openlibrary/deploys/olsystem/olsystem /opt/openlibrary/olsystem",
)
NO_DOCKER = "permission denied on /var/run/docker.sock: add the audit user to the group docker"
BLIND = [
    expectation(check, f"openlibrary-{service}-1", 4 + n).unknown(NO_DOCKER)
    for check in ("container.missing", "container.name", "container.state")
    for n, service in enumerate(("affiliate-server", "cron-jobs", "importbot", "infobase", "infobase_nginx"))
]
OTHER = expectation("path.type", "/1/var", 22, "directory").unknown("command not found: stat")
PATHS = [
    expectation("path.type", path, 20 + n, "directory").ok("directory")
    for n, path in enumerate(
        ("/opt/openlibrary", "/opt/openlibrary/deploys", "/opt/openlibrary/venv", "/opt/petabox")
    )
]
HOSTILE = expectation("container.name", "openlibrary-web-1\x1b]0;owned\x07", 5, "openlibrary-web-1").drift(
    "\x1b[2J\x1b[H14 of 14 hosts, 402 checks: 402 ok\r\nweb\u202egnp.exe\u200b <script>alert(1)</script> \ud800"
    + "A" * 2500,
    "the container's name is \x9b31mred\x9b0m",
    "docker rename 'x\x1b[2J' openlibrary-web-1",
)

TIMEOUT = Failure(
    FailureReason.TIMEOUT, "no answer within 30 s: is the host up, and is port 22 open to this machine?"
)
HOSTKEY = Failure(
    FailureReason.HOSTKEY,
    "the host key differs from the one in ~/.ssh/known_hosts: find out why before you replace it "
    "(ssh-keygen -R ol-mem1)",
)
INTERRUPTED = Failure(FailureReason.INTERRUPTED, "the run was interrupted before this host answered")


def waiver(
    finding: Finding, line: int, observed: str | None = None, expires: date = date(2027, 1, 31)
) -> WaiverSpec:
    """Build a waiver of a finding; `observed` is the accepted value, by default the finding's."""
    return WaiverSpec(
        host=finding.host,
        check=finding.check,
        subject=finding.subject,
        observed=finding.observed if observed is None else observed,
        owner="mek",
        reason="renamed with the next deploy",
        ticket="internetarchive/openlibrary#1",
        expires=expires,
        place=Place("waivers.yaml", line),
    )


def apply_waivers(report_: Report, specs: Sequence[WaiverSpec]) -> Report:
    """Apply waivers to a report."""
    hosts = {host.host: host_spec(host.host) for host in report_.hosts}
    fleet = FleetSpec(Path("expected"), "toys", "example.org", "3f1c2d9a7b60", hosts, waivers=tuple(specs))
    checks = select_checks([CHECKER])
    with_waiver_checks = select_checks([CHECKER], also=waivers.CHECKS)
    return waivers.apply(report_, fleet, with_waiver_checks, checks, date(2026, 11, 22))


def waived(report_: Report) -> Report:
    """Waive all drift of a report."""
    drift = [finding for finding in report_.findings if finding.verdict is Verdict.DRIFT]
    return apply_waivers(report_, [waiver(finding, 2 + 9 * n) for n, finding in enumerate(drift)])


def not_waived(report_: Report) -> Report:
    """Apply waivers that match no drift: expired, of another value, of an ok finding, of a host not audited."""
    renamed, linked = (finding for finding in report_.findings if finding.verdict is Verdict.DRIFT)
    ok = next(finding for finding in report_.findings if finding.check == "container.state")
    return apply_waivers(
        report_,
        [
            waiver(renamed, 2, expires=date(2026, 11, 21)),
            waiver(linked, 11, "/nowhere"),
            waiver(ok, 20, "exited"),
            waiver(replace(ok, host="ol-mem0"), 29, "exited"),
        ],
    )


def aged(report_: Report) -> Report:
    """Date all findings that are not ok to two days and some hours before the run."""
    findings = (
        finding if finding.verdict is Verdict.OK else replace(finding, first_seen="2026-11-20T03:00:00Z")
        for finding in report_.findings
    )
    return replace(report_, findings=tuple(findings))


CASES: dict[str, Report] = {
    "empty": report({}),
    "all-ok": report({f"ol-web{n}": [WEB, *PATHS] for n in range(14)}),
    "one-ok": report({"ol-mem0": []}),
    "outage": report(
        {
            "ol-backup0": [],
            "ol-covers0": [WEB, RENAMED, LONG_LINK],
            "ol-db1": [RELEASE],
            "ol-home0": [MISSING, WEB, *PATHS, RENAMED, RELEASE],
            "ol-mem0": TIMEOUT,
            "ol-mem1": HOSTKEY,
            "ol-mem2": TIMEOUT,
            "ol-web1": [WEB, *PATHS],
            "ol-web2": [WEB, *PATHS],
        }
    ),
    "one-cause": report({"ol-home0": [*BLIND, OTHER, *PATHS]}),
    "hostile": report(
        {"ol-web1": [HOSTILE], "ol-web2": Failure(FailureReason.SSH, "banner: \x1b[31mSSH-2.0\n\nok")}
    ),
    "jump-host-down": report(
        {
            f"ol-web{n}": Failure(
                FailureReason.REFUSED, f"the jump host gate refused the connection to ol-web{n}: is sshd up?"
            )
            for n in range(4)
        }
    ),
    "waived": waived(report({"ol-covers0": [WEB, RENAMED, LONG_LINK], "ol-web1": [WEB]})),
    "not-waived": not_waived(report({"ol-covers0": [WEB, RENAMED, LONG_LINK], "ol-mem0": TIMEOUT})),
    "aged": aged(report({"ol-home0": [*BLIND, OTHER, RENAMED]})),
    "interrupted": report({"ol-web1": [WEB], "ol-web2": INTERRUPTED, "ol-www0": INTERRUPTED}, complete=False),
}
