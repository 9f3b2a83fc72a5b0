"""Reports with everything that formats must tell apart, and hostile words for each of their syntaxes."""

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
from tests.render.reports import BLIND, LONG_LINK, MISSING, RELEASE, RENAMED, TIMEOUT, WEB, question, report

WORDS = (
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

SPEAKING = [
    question("container.name", f"openlibrary-{index}-1{word}", 5 + index, word or "x").drift(
        word, word or "x", "true"
    )
    for index, word in enumerate(WORDS)
]
MUTE = [question("container.state", f"of {word}", 30, word).unknown(word) for word in WORDS]
HOSTILE = report({"ol-web1": [*SPEAKING, *MUTE], "ol-web2": replace(TIMEOUT, message="".join(WORDS))})

WAIVER = Waiver(
    name="1f2e3d4c5b6a",
    owner="mek | ]]> <b>",
    reason="until the\nmigration [is](done) `here`",
    ticket="internetarchive/openlibrary#11222",
    expires="2026-12-31",
    source="expected/waivers.yaml:12",
)
BLIND_RELEASE = question("host.os", "host", 3, "Ubuntu 20.04").unknown("/etc/os-release cannot be read")

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
"""Each verdict, drift and unknown of severity info too, a host that was not audited, and a waiver in full."""


def finding(whole: Report, result: Result) -> Finding:
    return next(one for one in whole.findings if (one.check, one.subject) == (result.check, result.subject))


def with_changes(whole: Report) -> Report:
    """Let the missing container be new, and all else that drifts three days old; two that were there are not."""
    new = finding(whole, MISSING)
    old = "2026-11-19T17:49:00Z"
    ended = replace(new, subject="openlibrary-gone-1", first_seen=old)
    unseen = replace(new, host="ol-mem0", subject="openlibrary-hidden-1", first_seen=old)
    yesterday = "2026-11-21T17:49:00Z"
    return replace(
        whole,
        findings=tuple(
            replace(
                one, first_seen=None if one.verdict is Verdict.OK else whole.run.started_at if one is new else old
            )
            for one in whole.findings
        ),
        changes=Changes(
            since=yesterday,
            new=frozenset({new.id}),
            resolved=(ResolvedDrift(finding=ended, last_seen=yesterday, ending=EpisodeEnd.FIXED),),
            unobserved=(UnobservedDrift(finding=unseen, last_seen=yesterday),),
            newly_unknown=frozenset(),
            observed_again=frozenset(),
            timeline=(),
        ),
    )
