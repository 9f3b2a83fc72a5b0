"""Reports with all cases that formats must distinguish, and with texts that are special in their syntaxes."""

from __future__ import annotations

from dataclasses import replace

from olaudit.model import (
    Changes,
    EpisodeEnd,
    Finding,
    Report,
    ResolvedDrift,
    Result,
    UnobservedDrift,
    Verdict,
    Waiver,
)
from tests.render.reports import BLIND, LONG_LINK, MISSING, RELEASE, RENAMED, TIMEOUT, WEB, expectation, report

HOSTILE_TEXTS = (
    "| a | b |\n\n# head\n- item\n1. one\n> quote\n```sh\nrm -rf /\n```\n    code\n---\n",
    "`` ` ``` end` `",
    "![x](https://evil.example/x.png) [y](https://evil.example) <https://evil.example>",
    "https://evil.example www.evil.example",
    "<script>alert(1)</script><img src=x onerror=alert(1)><!-- ]]> &amp; &#64;",
    "@everyone #1 openlibrary#1 GH-1 5f3a9d5f3a9d5f3a9d me@evil.example",
    "{0} {{1}} [a](b) \\[c\\](d) \\\\",
    "\\| \\\\| ' \" $(reboot) `reboot` ; 'x'=1;2;3;4;5 | y=0",
    "\x00\x01\x0b\x1b[31m\x7f\x85\u2028\u202e\ufffe\uffff\ud800\U0001f600 żółw",
    " ",
    "",
    "`",
    "``````````",
)

DRIFT_RESULTS = [
    expectation("container.name", f"openlibrary-{index}-1{text}", 5 + index, text or "x").drift(
        text, text or "x", "true"
    )
    for index, text in enumerate(HOSTILE_TEXTS)
]
UNKNOWN_RESULTS = [expectation("container.state", f"of {text}", 30, text).unknown(text) for text in HOSTILE_TEXTS]
HOSTILE = report(
    {"ol-web1": [*DRIFT_RESULTS, *UNKNOWN_RESULTS], "ol-web2": replace(TIMEOUT, message="".join(HOSTILE_TEXTS))}
)

WAIVER = Waiver(
    name="1f2e3d4c5b6a",
    owner="mek | ]]> <b>",
    reason="until the\nmigration [is](done) `here`",
    ticket="internetarchive/openlibrary#11222",
    expires="2026-12-31",
    source="expected/waivers.yaml:12",
)
BLIND_RELEASE = expectation("host.os", "host", 3, "Ubuntu 20.04").unknown("/etc/os-release cannot be read")

_MIXED = report(
    {
        "ol-covers0": [WEB, RENAMED, LONG_LINK],
        "ol-db1": [RELEASE],
        "ol-db2": [BLIND_RELEASE],
        "ol-home0": [MISSING, WEB, BLIND[0], BLIND[1], BLIND[5]],
        "ol-mem0": TIMEOUT,
    }
)


def _waive(finding: Finding) -> Finding:
    waived = finding.check == "symlink.target"
    return replace(finding, verdict=Verdict.WAIVED, waiver=WAIVER) if waived else finding


MIXED = replace(_MIXED, findings=tuple(map(_waive, _MIXED.findings)))
"""All verdicts, also with severity info; a host that was not audited; a waiver with all its fields."""


def finding_of(report_: Report, result: Result) -> Finding:
    return next(
        finding
        for finding in report_.findings
        if (finding.check, finding.subject) == (result.check.id, result.subject)
    )


def with_changes(report_: Report) -> Report:
    """Add changes: the missing container is new, one drift is resolved, one unobserved, others are old."""
    new = finding_of(report_, MISSING)
    old = "2026-11-19T17:49:00Z"
    resolved = replace(new, subject="openlibrary-resolved-1", first_seen=old)
    unobserved = replace(new, host="ol-mem0", subject="openlibrary-unobserved-1", first_seen=old)
    yesterday = "2026-11-21T17:49:00Z"
    first_seen = {
        finding.id: report_.run.started_at if finding is new else old
        for finding in report_.findings
        if finding.verdict is not Verdict.OK
    }
    return replace(
        report_,
        findings=tuple(replace(finding, first_seen=first_seen.get(finding.id)) for finding in report_.findings),
        changes=Changes(
            since=yesterday,
            new=frozenset({new.id}),
            resolved=(ResolvedDrift(finding=resolved, last_seen=yesterday, ending=EpisodeEnd.FIXED),),
            unobserved=(UnobservedDrift(finding=unobserved, last_seen=yesterday),),
            newly_unknown=frozenset(),
            observed_again=frozenset(),
            timeline=(),
        ),
    )
