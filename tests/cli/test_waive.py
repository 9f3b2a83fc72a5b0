"""`olaudit waive`, from a report to a waiver that applies; and `olaudit check` with waivers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from olaudit.cli import main
from olaudit.cli.fleet_audit import Tools
from olaudit.cli.saved_reports import find_finding, read_report
from olaudit.errors import UsageError
from olaudit.model import Failure, FailureReason, finding_id
from tests.cli.fleet import tools

Capture = pytest.CaptureFixture[str]

ID = finding_id("ol-b", "kernel.name", "kernel")
ANSWERS: dict[str, str | Failure | None] = {"ol-a": "Linux", "ol-b": "Minix", "ol-c": "Linux"}
OPTIONS = {"--reason": "it's old", "--ticket": "#1", "--until": "2027-01-31", "--owner": "mek"}


def tools_on(day: str = "2026-11-22", answers: Mapping[str, str | Failure | None] = ANSWERS) -> Tools:
    """Return tools whose clock is at the end of `day`, and whose hosts give these answers."""
    return replace(tools(answers), now=lambda: datetime.fromisoformat(f"{day}T23:59:59Z").astimezone(UTC))


def waive(finding: str = ID, *more: str, **changed: str) -> int:
    """Run `olaudit waive` with OPTIONS, some of them changed; return its exit code."""
    options = {**OPTIONS, **{f"--{name}": text for name, text in changed.items()}}
    return main(["waive", finding, *(f"{name}={text}" for name, text in options.items()), *more], tools_on())


def audit(
    answers: Mapping[str, str | Failure | None] = ANSWERS, day: str = "2026-11-22", *arguments: str
) -> dict[str, str]:
    """Audit; return the verdicts that are not ok, by host and check."""
    main(["check", "-o", "json=now.json", *arguments], tools_on(day, answers))
    findings = json.loads(Path("now.json").read_text())["findings"]
    return {f"{finding['host']} {finding['check']}": finding["verdict"] for finding in findings}


@pytest.fixture(autouse=True)
def latest(expected: Path) -> Path:
    """Write the default report; return its path."""
    (expected.parent / "reports").mkdir()
    main(["check", "--all", "-o", "json=reports/latest.json"], tools_on())
    return expected.parent / "reports" / "latest.json"


def test_it_prints_a_waiver_and_where_to_add_it(capsys: Capture) -> None:
    capsys.readouterr()
    assert waive(ID[:4]) == 0
    out, err = capsys.readouterr()
    assert out == (
        '  - host: "ol-b"\n'
        '    check: "kernel.name"\n'
        '    subject: "kernel"\n'
        '    observed: "Minix"\n'
        '    owner: "mek"\n'
        '    reason: "it\'s old"\n'
        '    ticket: "#1"\n'
        '    expires: "2027-01-31"\n'
    )
    assert err == "add this below `waivers:` in expected/waivers.yaml (it replaces `[]`, if that is there)\n"


def test_the_ticket_is_optional(expected: Path, capsys: Capture) -> None:
    capsys.readouterr()
    assert main(["waive", ID, "--reason=old", "--until=2027-01-31", "--owner=mek"], tools_on()) == 0
    waiver = capsys.readouterr().out
    assert "ticket" not in waiver
    (expected / "waivers.yaml").write_text(f"waivers:\n{waiver}")
    assert main(["check"], tools_on()) == 0
    assert "until 2027-01-31 by mek\n" in capsys.readouterr().out


def test_a_waiver_applies_until_it_expires_or_the_value_changes(expected: Path, capsys: Capture) -> None:
    capsys.readouterr()
    waive()
    (expected / "waivers.yaml").write_text(f"waivers:\n{capsys.readouterr().out}")
    assert audit() == {"ol-b kernel.name": "waived"}
    assert main(["check"], tools_on()) == 0
    assert audit(day="2027-01-31") == {"ol-b kernel.name": "waived"}
    assert audit(day="2027-02-01") == {"ol-b kernel.name": "drift", "(fleet) waiver.expired": "drift"}
    assert audit(ANSWERS | {"ol-b": "Plan9"}) == {"ol-b kernel.name": "drift", "(fleet) waiver.unused": "drift"}
    assert audit(ANSWERS | {"ol-b": "Linux"}) == {"(fleet) waiver.unused": "drift"}
    down = Failure(FailureReason.TIMEOUT, "no answer")
    assert audit(ANSWERS | {"ol-b": down}) == {
        "ol-b host.reachable": "unknown",
        "(fleet) waiver.unused": "unknown",
    }
    assert audit(ANSWERS | {"ol-b": "Linux"}, "2026-11-22", "ol-a") == {}
    assert audit(ANSWERS, "2026-11-22", "--only", "waiver.*,kernel.*", "ol-b") == {"ol-b kernel.name": "waived"}
    capsys.readouterr()
    main(["check"], tools_on())
    assert (
        "  waived  kernel.name  kernel\n                       until 2027-01-31 by mek (#1)"
        in capsys.readouterr().out
    )
    assert waive(report="now.json") == 2
    assert capsys.readouterr().err == (
        f"olaudit: {ID} (ol-b kernel.name kernel) is waived already, by mek until 2027-01-31\n"
        "hint: see expected/waivers.yaml:2\n"
    )


TEXTS = st.text(max_size=30) | st.text("\"'\\:#{}[]|>-&*!%@`?, \t\n\r\x85\u2028\x00\x1b\ud800😀é", max_size=30)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(observed=TEXTS.filter(bool), reason=TEXTS.filter(str.strip), owner=TEXTS.filter(str.strip))
def test_a_waiver_of_any_text_can_be_loaded_and_applies(
    observed: str, reason: str, owner: str, expected: Path, capsys: Capture
) -> None:
    answers: dict[str, str | Failure | None] = ANSWERS | {"ol-b": f"{observed}x"}
    (expected / "waivers.yaml").unlink(missing_ok=True)
    audit(answers)
    capsys.readouterr()
    assert waive(ID, "--report", "now.json", reason=reason, owner=owner) == 0
    (expected / "waivers.yaml").write_text(f"waivers:\n{capsys.readouterr().out}")
    assert audit(answers) == {"ol-b kernel.name": "waived"}


def test_empty_subjects_and_glob_characters_are_supported(latest: Path, capsys: Capture) -> None:
    document = json.loads(latest.read_text())
    (finding,) = (finding for finding in document["findings"] if finding["verdict"] == "drift")
    for subject, line in (("", f'  - finding: "{ID}"\n'), ("a[b]*", '    subject: "a[[]b][*]"\n')):
        finding["subject"] = subject
        latest.write_text(json.dumps(document))
        capsys.readouterr()
        assert waive() == 0
        assert line in capsys.readouterr().out


@pytest.mark.parametrize(
    ("finding", "options", "message"),
    [
        (finding_id("ol-a", "kernel.name", "kernel"), {}, "is as expected: there is nothing to waive"),
        ("zzzz", {}, "'zzzz' is not a finding id: expected 4 to 12 hex digits"),
        (ID[:3], {}, f"'{ID[:3]}' is not a finding id: expected 4 to 12 hex digits"),
        ("0" * 12, {}, "no finding in the report of 2026-11-22T23:59:59Z has the id 000000000000"),
        (ID, {"until": "soon"}, "--until: 'soon' is not a date: write YYYY-MM-DD, such as 2027-01-31"),
        (ID, {"until": "2026-11-21"}, "--until: 2026-11-21 is past"),
        (
            ID,
            {"until": "2027-11-24"},
            "--until: 2027-11-24 is more than a year away: a waiver may last until 2027-11-23 at most",
        ),
        (ID, {"reason": " "}, "--reason must not be empty"),
        (ID, {"ticket": ""}, "--ticket must not be empty"),
        (ID, {"owner": ""}, "--owner must not be empty"),
        (ID, {"report": "none.json"}, "there is no report none.json"),
        (ID, {"reports": "none"}, "there is no report none/latest.json"),
        (ID, {"report": "expected"}, "expected cannot be read: Is a directory"),
        (ID, {"report": "expected/fleet.yaml"}, "expected/fleet.yaml is not a JSON report of this olaudit: "),
    ],
)
def test_an_invalid_waiver_is_refused_with_one_line(
    finding: str, options: dict[str, str], message: str, capsys: Capture
) -> None:
    capsys.readouterr()
    assert waive(finding, **options) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("olaudit: ")
    assert message in err.splitlines()[0]
    assert len(err.splitlines()) <= 2


def test_unknowns_and_findings_about_waivers_are_refused(expected: Path, capsys: Capture) -> None:
    entry = "observed: x, owner: mek, reason: why, ticket: x, expires: 2027-01-31"
    (expected / "waivers.yaml").write_text(f"waivers: [{{host: ol-a, check: kernel.name, subject: x, {entry}}}]")
    audit(ANSWERS | {"ol-b": Failure(FailureReason.TIMEOUT, "no answer")})
    for host, check, subject, message in (
        ("ol-b", "host.reachable", "host", "is unknown: an unobserved value cannot be waived"),
        (
            "(fleet)",
            "waiver.unused",
            "ol-a/kernel.name/x",
            "is about a waiver, and is fixed in expected/waivers.yaml",
        ),
    ):
        id_ = finding_id(host, check, subject)
        capsys.readouterr()
        assert waive(id_, report="now.json") == 2
        assert capsys.readouterr().err.startswith(f"olaudit: {id_} ({host} {check} {subject}) {message}\n")


def test_the_owner_is_the_user_by_default(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    options = [f"{name}={text}" for name, text in OPTIONS.items() if name != "--owner"]
    for environment, owner in (({"USER": "anna"}, "anna"), ({"USER": "", "LOGNAME": "ben"}, "ben")):
        for name, text in environment.items():
            monkeypatch.setenv(name, text)
        assert main(["waive", ID, *options], tools_on()) == 0
        assert f'    owner: "{owner}"\n' in capsys.readouterr().out
    monkeypatch.delenv("LOGNAME")
    assert main(["waive", ID, *options], tools_on()) == 2
    assert capsys.readouterr().err == (
        "olaudit: cannot determine the owner of the waiver\nhint: name the owner with --owner NAME\n"
    )


@pytest.mark.parametrize("command", ["check", "validate"])
def test_a_waiver_of_more_than_a_year_is_refused(command: str, expected: Path, capsys: Capture) -> None:
    entry = "observed: x, owner: mek, reason: why, ticket: x, expires: 2027-11-24"
    (expected / "waivers.yaml").write_text(f"waivers: [{{finding: {'0' * 11}a, {entry}}}]")
    capsys.readouterr()
    assert main([command], tools_on()) == 2
    assert capsys.readouterr().err.startswith("expected/waivers.yaml:1: 2027-11-24 is more than a year away")
    assert main([command], tools_on(day="2026-11-23")) != 2


# --- saved reports ---------------------------------------------------------------------------------------------


def test_a_prefix_of_several_ids_is_refused_with_them(latest: Path) -> None:
    document = read_report(latest)
    (finding,) = (finding for finding in document.findings if finding.id == ID)
    twins = [finding.model_copy(update={"id": f"{ID[:8]}000{n}"}) for n in range(6)]
    crowded = document.model_copy(update={"findings": tuple(twins)})
    with pytest.raises(UsageError, match=f"^6 finding ids begin with {ID[:4]}$") as refused:
        find_finding(crowded, ID[:4].upper())
    assert refused.value.hint.startswith(f"{ID[:8]}0000 (ol-b kernel.name kernel); ")
    assert refused.value.hint.endswith("; and 1 more")
    assert find_finding(crowded, f"{ID[:8]}0003").id == f"{ID[:8]}0003"


@pytest.mark.parametrize("moment", ["yesterday", "2026-11-22T03:00:00"])
def test_a_report_with_an_invalid_time_is_refused(moment: str, latest: Path, capsys: Capture) -> None:
    document = json.loads(latest.read_text())
    document["run"]["started_at"] = moment
    latest.write_text(json.dumps(document))
    capsys.readouterr()
    assert main(["explain", ID]) == 2
    assert "is not a JSON report of this olaudit: run.started_at: " in capsys.readouterr().err


def test_an_invalid_report_is_refused_with_the_first_error(latest: Path) -> None:
    document = json.loads(latest.read_text())
    document["run"]["complete"] = "yes"
    latest.write_text(json.dumps(document))
    with pytest.raises(
        UsageError, match=r"^\S+ is not a JSON report of this olaudit: run\.complete: Input should be"
    ):
        read_report(latest)
