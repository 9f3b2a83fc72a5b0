"""Reports to render: made by `audit`, as real ones are, from judgements written down here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from olaudit import waivers
from olaudit.audit import audit, select_checks
from olaudit.checker import Check, Checker
from olaudit.expected.spec import FleetSpec, HostSpec, Place, WaiverSpec
from olaudit.model import (
    Answers,
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
    Check("container.missing", Severity.CRITICAL, "it is not there"),
    Check("container.name", Severity.WARNING, "it has another name"),
    Check("container.state", Severity.CRITICAL, "it does not run"),
    Check("host.os", Severity.INFO, "another release runs"),
    Check("path.type", Severity.WARNING, "it is something else"),
    Check("symlink.target", Severity.WARNING, "it leads elsewhere"),
)
CHECKER: Checker[Sequence[Result]] = Checker(
    section="said", model=Any, ids=IDS, probes=lambda _: (), evaluate=lambda said, _: said
)


def run(*, complete: bool = True) -> Run:
    return values.run(
        id="20261122T174900Z-5f3a",
        started_at="2026-11-22T17:49:00Z",
        finished_at="2026-11-22T17:49:04Z",
        duration_seconds=4.25,
        complete=complete,
    )


def spec(host: str, said: Sequence[Result] = ()) -> HostSpec:
    file = f"hosts/{host}.yaml"
    places = {(): Place(file, 1)} | {one.at: Place(file, int(one.at[1])) for one in said if one.at}
    return HostSpec(name=host, roles=(), sections={"said": said}, places=places)


def report(said: Mapping[str, Sequence[Result] | Failure], *, complete: bool = True) -> Report:
    """Audit hosts that say what they are told to: a host's judgements, or how it failed."""
    hosts = [spec(host, () if isinstance(what, Failure) else what) for host, what in said.items()]
    answers = [
        HostAnswers(host, what if isinstance(what, Failure) else Answers({}), 0.5) for host, what in said.items()
    ]
    return audit(hosts, answers, [CHECKER], select_checks([CHECKER]), run(complete=complete))


def question(check: str, subject: str, line: int = 1, expected: str = "") -> Expectation:
    return Expectation(check=check, subject=subject, at=("said", line), expected=expected)


WEB = question("container.state", "openlibrary-web-1", 7, "running").ok("running")
RENAMED = question("container.name", "openlibrary-covers-1", 5, "openlibrary-covers-1").drift(
    "openlibrary_covers_1",
    "the container has Compose v1's separators in its name",
    "docker rename openlibrary_covers_1 openlibrary-covers-1",
)
MISSING = question("container.missing", "openlibrary-importbot-1", 9, "openlibrary-importbot-1").drift(
    "no container",
    "no container of the service importbot is there",
    "cd /opt/openlibrary && HOSTNAME=$HOSTNAME docker compose -f compose.yaml -f compose.production.yaml "
    "--profile ol-home0 up -d --no-deps importbot",
)
RELEASE = question("host.os", "host", 3, "Ubuntu 20.04").drift("Ubuntu 18.04", "the host runs another release")
LONG_LINK = question(
    "symlink.target",
    "/opt/openlibrary/olsystem",
    14,
    "/opt/openlibrary/deploys/olsystem/olsystem",
).drift(
    "/opt/openlibrary/deploys/olsystem/3f1c2d9a7b603f1c2d9a7b603f1c2d9a7b603f1c/a/very/long/way/to/get/nowhere",
    "the link leads to something else than the active deploy, so that whatever is deployed next will not be what "
    "runs here",
    "ln -sfn /opt/openlibrary/deploys/olsystem/olsystem /opt/openlibrary/olsystem",
)
NO_DOCKER = "permission denied on /var/run/docker.sock: add the audit user to the group docker"
BLIND = [
    question(check, f"openlibrary-{service}-1", 4 + n).unknown(NO_DOCKER)
    for check in ("container.missing", "container.name", "container.state")
    for n, service in enumerate(("affiliate-server", "cron-jobs", "importbot", "infobase", "infobase_nginx"))
]
OTHER = question("path.type", "/1/var", 22, "directory").unknown("no such command there: stat")
PATHS = [
    question("path.type", path, 20 + n, "directory").ok("directory")
    for n, path in enumerate(
        ("/opt/openlibrary", "/opt/openlibrary/deploys", "/opt/openlibrary/venv", "/opt/petabox")
    )
]
HOSTILE = question("container.name", "openlibrary-web-1\x1b]0;owned\x07", 5, "openlibrary-web-1").drift(
    "\x1b[2J\x1b[H14 of 14 hosts, 402 checks: 402 ok\r\nweb\u202egnp.exe\u200b <script>alert(1)</script> \ud800"
    + "A" * 2500,
    "the container calls itself \x9b31mred\x9b0m",
    "docker rename 'x\x1b[2J' openlibrary-web-1",
)

TIMEOUT = Failure(
    FailureReason.TIMEOUT, "no answer within 30 s: is the host up, and is port 22 open to this machine?"
)
HOSTKEY = Failure(
    FailureReason.HOSTKEY,
    "the host's key has changed since it was recorded in ~/.ssh/known_hosts: find out why before you replace it "
    "(ssh-keygen -R ol-mem1)",
)
INTERRUPTED = Failure(FailureReason.INTERRUPTED, "the run was interrupted before this host had answered")


def waiver(
    found: Finding, line: int, observed: str | None = None, expires: date = date(2027, 1, 31)
) -> WaiverSpec:
    """Accept a finding, as long as `observed` is its observed value; by default the one it has."""
    return WaiverSpec(
        host=found.host,
        check=found.check,
        subject=found.subject,
        observed=found.observed if observed is None else observed,
        owner="mek",
        reason="renamed with the next deploy",
        ticket="internetarchive/openlibrary#1",
        expires=expires,
        place=Place("waivers.yaml", line),
    )


def accepted(whole: Report, accepting: Sequence[WaiverSpec]) -> Report:
    """Lay waivers over a report."""
    hosts = {host.host: spec(host.host) for host in whole.hosts}
    fleet = FleetSpec(Path("expected"), "toys", "example.org", "3f1c2d9a7b60", hosts, waivers=tuple(accepting))
    checks = select_checks([CHECKER])
    wanted = select_checks([CHECKER], also=waivers.CHECKS)
    return waivers.apply(whole, fleet, wanted, checks, date(2026, 11, 22))


def waived(whole: Report) -> Report:
    """Accept all that drifts."""
    drift = [found for found in whole.findings if found.verdict is Verdict.DRIFT]
    return accepted(whole, [waiver(found, 2 + 9 * n) for n, found in enumerate(drift)])


def not_waived(whole: Report) -> Report:
    """Lay waivers where they cover nothing: expired, of another value, of no drift, of what was not seen."""
    renamed, linked = (found for found in whole.findings if found.verdict is Verdict.DRIFT)
    fine = next(found for found in whole.findings if found.check == "container.state")
    return accepted(
        whole,
        [
            waiver(renamed, 2, expires=date(2026, 11, 21)),
            waiver(linked, 11, "/nowhere"),
            waiver(fine, 20, "exited"),
            waiver(replace(fine, host="ol-mem0"), 29, "exited"),
        ],
    )


def aged(whole: Report) -> Report:
    """Say since when whatever is not ok has been so: two days and some hours."""
    findings = (
        found if found.verdict is Verdict.OK else replace(found, first_seen="2026-11-20T03:00:00Z")
        for found in whole.findings
    )
    return replace(whole, findings=tuple(findings))


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
                FailureReason.REFUSED, f"the jump host gate lets nobody through to ol-web{n}: is sshd up?"
            )
            for n in range(4)
        }
    ),
    "waived": waived(report({"ol-covers0": [WEB, RENAMED, LONG_LINK], "ol-web1": [WEB]})),
    "not-waived": not_waived(report({"ol-covers0": [WEB, RENAMED, LONG_LINK], "ol-mem0": TIMEOUT})),
    "aged": aged(report({"ol-home0": [*BLIND, OTHER, RENAMED]})),
    "interrupted": report({"ol-web1": [WEB], "ol-web2": INTERRUPTED, "ol-www0": INTERRUPTED}, complete=False),
}
