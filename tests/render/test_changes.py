"""Text of what changed since the last run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from olaudit.model import Failure, FailureReason, Verdict, Waiver
from olaudit.render import RENDERERS, changes
from olaudit.render.style import Style
from tests.render.pages import full_report
from tests.render.reports import CASES, LONG_LINK, RENAMED
from tests.render.run_chain import THREE_RUNS, RunResults, report_after


def test_the_changes_of_the_last_of_three_runs() -> None:
    assert changes.render(report_after(THREE_RUNS), Style(width=100)) == (
        """\
DRIFT: 2 drift (1 new), 13 unknown of 18 checks; 3 of 4 hosts audited, 2026-11-22 03:00 UTC

NEW (1), since 2026-11-21 03:00 UTC
  critical  ol-home0  container.missing  openlibrary-importbot-1  dadc99ceb5c1
      the service importbot has no container
      fix: cd /opt/openlibrary && HOSTNAME=$HOSTNAME docker compose -f compose.yaml -f compose.production.yaml --profile ol-home0 up -d --no-deps importbot

UNCHANGED (1)
  info  2 days  ol-home0  host.os  host  Ubuntu 18.04

UNKNOWN (13)
  ol-covers0  NOT AUDITED (timeout), new
      no answer within 30 s: is the host up, and is port 22 open to this machine?
  ol-home0  12 checks, one cause, new
      permission denied on /var/run/docker.sock: add the audit user to the group docker

UNOBSERVED (1)
  warning  2 days  ol-covers0  symlink.target  /opt/openlibrary/olsystem  last seen 2026-11-21 03:00 UTC

OBSERVED AGAIN (1)
  ol-db1 host.reachable
"""  # noqa: E501 - a fix is not wrapped
    )


def test_fixed_drift_is_resolved_once_with_its_period() -> None:
    text = changes.render(report_after(THREE_RUNS[:2]), Style())
    assert "RESOLVED (1)\n  ol-covers0  container.name  openlibrary-covers-1  fixed; drift from 2026-11-20" in text
    assert "RESOLVED" not in changes.render(report_after(THREE_RUNS), Style())


def test_waived_drift_has_its_owner_and_expiry_date() -> None:
    waiver = Waiver(
        name="x",
        owner="mek",
        reason="with the next deploy",
        ticket="#1",
        expires="2027-01-15",
        source="expected:1",
    )
    report = report_after([{"ol-covers0": [RENAMED]}])
    findings = tuple(
        replace(finding, verdict=Verdict.WAIVED, waiver=waiver) if finding.verdict is Verdict.DRIFT else finding
        for finding in report.findings
    )
    text = changes.render(replace(report, findings=findings), Style())
    assert text.startswith("OK: 0 drift, 0 unknown, 1 waived of 2 checks; 1 of 1 hosts audited, ")
    assert "WAIVED (1)\n  ol-covers0  container.name  openlibrary-covers-1  until 2027-01-15, mek (#1)\n" in text


def test_an_interrupted_run_is_marked_in_the_first_line() -> None:
    text = changes.render(report_after([{"ol-covers0": [RENAMED]}], complete=False), Style())
    assert text.startswith("INCOMPLETE: interrupted after 4.2 s\nDRIFT: ")


@pytest.mark.parametrize("case", CASES)
def test_without_history_all_drift_is_listed_but_not_new(case: str) -> None:
    report = CASES[case]
    text = changes.render(report, Style())
    assert "NEW: none, there is no earlier run to compare with\n" in text
    assert all(line.isprintable() for line in text.split("\n"))
    listed = " ".join(text.split())
    for finding in report.findings:
        assert finding.verdict is not Verdict.DRIFT or f"{finding.host} {finding.check}" in listed


def test_lines_are_wrapped_except_the_verdict_and_fixes() -> None:
    report = report_after([{"ol-covers0": [LONG_LINK]}])
    too_long = [line for line in changes.render(report, Style(width=80)).splitlines() if len(line) > 80]
    assert [line for line in too_long[1:] if "fix: " not in line] == [], "the verdict is not wrapped"


def test_hosts_unreachable_for_one_cause_share_an_entry() -> None:
    def down(*hosts: str) -> dict[str, Failure]:
        return {host: Failure(FailureReason.REFUSED, f"the gate refused {host}") for host in hosts}

    runs: list[RunResults] = [{**down("ol-web0", "ol-web1"), "ol-web2": []}, down("ol-web0", "ol-web1", "ol-web2")]
    assert changes.render(report_after(runs), Style()).endswith(
        "UNKNOWN (3)\n"
        "  ol-web0 ol-web1  NOT AUDITED (refused), for 1 day\n"
        "      the gate refused <host>\n"
        "  ol-web2  NOT AUDITED (refused), new\n"
        "      the gate refused ol-web2\n"
    )


def test_unobserved_waived_drift_stays_waived() -> None:
    report = full_report()
    assert report.changes
    (unobserved,) = report.changes.unobserved
    waived = replace(unobserved, finding=replace(unobserved.finding, verdict=Verdict.WAIVED))
    report = replace(report, changes=replace(report.changes, unobserved=(waived,)))
    block = changes.render(report, Style()).partition("\nUNOBSERVED ")[2]
    assert block.splitlines()[1].startswith("  waived ")
    assert "waived when last seen, " in RENDERERS["html"](report, Style())
    assert " (waived) last seen " in RENDERERS["markdown"](report, Style())
