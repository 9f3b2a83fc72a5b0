from __future__ import annotations

from dataclasses import replace

import pytest

from olaudit.model import Failure, FailureReason, Report, Verdict, Waiver
from olaudit.render import RENDERERS, changes
from olaudit.render.style import Style
from tests.render.pages import full_report
from tests.render.reports import CASES, LONG_LINK, RENAMED
from tests.render.run_chain import NIGHTS, Told, after


def test_the_last_of_three_nights_reads_well_in_the_morning() -> None:
    assert changes.render(after(NIGHTS), Style(width=100)) == (
        """\
DRIFT: 2 drift (1 new), 13 unknown of 18 checks; 3 of 4 hosts audited, 2026-11-22 03:00 UTC

NEW (1), since 2026-11-21 03:00 UTC
  critical  ol-home0  container.missing  openlibrary-importbot-1  dadc99ceb5c1
      the service importbot has no container
      fix: cd /opt/openlibrary && HOSTNAME=$HOSTNAME docker compose -f compose.yaml -f compose.production.yaml --profile ol-home0 up -d --no-deps importbot

STILL THERE (1)
  info  2 days  ol-home0  host.os  host  Ubuntu 18.04

UNKNOWN (13)
  ol-covers0  NOT AUDITED (timeout), new
      no answer within 30 s: is the host up, and is port 22 open to this machine?
  ol-home0  12 checks, one cause, new
      permission denied on /var/run/docker.sock: add the audit user to the group docker

HIDDEN DRIFT, as last seen (1)
  warning  2 days  ol-covers0  symlink.target  /opt/openlibrary/olsystem  last seen 2026-11-21 03:00 UTC

KNOWN AGAIN (1)
  ol-db1 host.reachable
"""  # noqa: E501 - the line that a command takes
    )


def test_what_is_mended_is_told_once_with_how_long_it_was_there() -> None:
    text = changes.render(after(NIGHTS[:2]), Style())
    assert "GONE (1)\n  ol-covers0  container.name  openlibrary-covers-1  mended; drift from 2026-11-20" in text
    assert "GONE" not in changes.render(after(NIGHTS), Style())


def test_waived_drift_is_shown_with_who_answers_for_it_and_until_when() -> None:
    word = Waiver(
        name="x",
        owner="mek",
        reason="with the next deploy",
        ticket="#1",
        expires="2027-01-15",
        source="expected:1",
    )
    whole = after([{"ol-covers0": [RENAMED]}])
    findings = tuple(
        replace(found, verdict=Verdict.WAIVED, waiver=word) if found.verdict is Verdict.DRIFT else found
        for found in whole.findings
    )
    text = changes.render(replace(whole, findings=findings), Style())
    assert text.startswith("OK: 0 drift, 0 unknown, 1 waived of 2 checks; 1 of 1 hosts audited, ")
    assert "WAIVED (1)\n  ol-covers0  container.name  openlibrary-covers-1  until 2027-01-15, mek (#1)\n" in text


def test_an_interrupted_run_says_so_before_all_else() -> None:
    text = changes.render(after([{"ol-covers0": [RENAMED]}], complete=False), Style())
    assert text.startswith("INCOMPLETE: interrupted after 4.2 s\nDRIFT: ")


@pytest.mark.parametrize("case", CASES)
def test_without_history_nothing_is_called_new_and_nothing_is_left_out(case: str) -> None:
    report = CASES[case]
    text = changes.render(report, Style())
    assert "NEW: nothing, there is no earlier run to compare with\n" in text
    assert all(line.isprintable() for line in text.split("\n"))
    for found in report.findings:
        assert found.verdict is not Verdict.DRIFT or f"{found.host} {found.check}" in " ".join(text.split())


def test_lines_keep_to_the_width_but_for_commands_and_tables() -> None:
    report: Report = after([{"ol-covers0": [LONG_LINK]}])
    long = [line for line in changes.render(report, Style(width=80)).splitlines() if len(line) > 80]
    assert [line for line in long[1:] if "fix: " not in line] == [], "the verdict is one line, and may be long"


def test_hosts_that_are_out_of_reach_for_one_cause_are_one_entry_and_the_new_ones_another() -> None:
    def down(*hosts: str) -> dict[str, Failure]:
        return {host: Failure(FailureReason.REFUSED, f"the gate lets nobody through to {host}") for host in hosts}

    nights: list[Told] = [{**down("ol-web0", "ol-web1"), "ol-web2": []}, down("ol-web0", "ol-web1", "ol-web2")]
    assert changes.render(after(nights), Style()).endswith(
        "UNKNOWN (3)\n"
        "  ol-web0 ol-web1  NOT AUDITED (refused), for 1 day\n"
        "      the gate lets nobody through to <host>\n"
        "  ol-web2  NOT AUDITED (refused), new\n"
        "      the gate lets nobody through to ol-web2\n"
    )


def test_waived_drift_that_could_not_be_looked_at_is_still_called_waived() -> None:
    report = full_report()
    assert report.changes
    (hidden,) = report.changes.unobserved
    waived = replace(hidden, finding=replace(hidden.finding, verdict=Verdict.WAIVED))
    report = replace(report, changes=replace(report.changes, unobserved=(waived,)))
    said = changes.render(report, Style()).partition("HIDDEN DRIFT")[2]
    assert said.splitlines()[1].startswith("  waived ")
    assert "waived when last seen, " in RENDERERS["html"](report, Style())
    assert " (waived) last seen " in RENDERERS["markdown"](report, Style())
