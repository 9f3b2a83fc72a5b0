"""`olaudit waive`, from a report to lines that work; and `olaudit check` with waivers."""

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
from olaudit.cli.auditing import Tools
from olaudit.cli.reports import find_finding, read_report
from olaudit.errors import UsageError
from olaudit.model import Failure, FailureReason, finding_id
from tests.cli.fleet import tools

Capture = pytest.CaptureFixture[str]

ID = finding_id("ol-b", "kernel.name", "kernel")
SAID: dict[str, str | Failure | None] = {"ol-a": "Linux", "ol-b": "Minix", "ol-c": "Linux"}
WORD = {"--reason": "it's old", "--ticket": "#1", "--until": "2027-01-31", "--owner": "mek"}


def at(said: Mapping[str, str | Failure | None] = SAID, day: str = "2026-11-22") -> Tools:
    return replace(tools(said), now=lambda: datetime.fromisoformat(f"{day}T23:59:59Z").astimezone(UTC))


def waive(finding: str = ID, *more: str, **said: str) -> int:
    words = {**WORD, **{f"--{key}": text for key, text in said.items()}}
    return main(["waive", finding, *(f"{key}={text}" for key, text in words.items()), *more], at())


def audited(
    said: Mapping[str, str | Failure | None] = SAID, day: str = "2026-11-22", *more: str
) -> dict[str, str]:
    """Audit, and give the verdicts that are not ok, by host and check."""
    main(["check", "-o", "json=now.json", *more], at(said, day))
    findings = json.loads(Path("now.json").read_text())["findings"]
    return {f"{found['host']} {found['check']}": found["verdict"] for found in findings}


@pytest.fixture(autouse=True)
def latest(expected: Path) -> Path:
    """Give the report that is waived from by default."""
    (expected.parent / "reports").mkdir()
    main(["check", "--all", "-o", "json=reports/latest.json"], at())
    return expected.parent / "reports" / "latest.json"


def test_what_it_prints_is_an_entry_and_where_to_put_it(capsys: Capture) -> None:
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
    assert err == "add this below `waivers:` in expected/waivers.yaml (in place of `[]`, if that is there)\n"


def test_a_ticket_may_be_left_out(expected: Path, capsys: Capture) -> None:
    capsys.readouterr()
    assert main(["waive", ID, "--reason=old", "--until=2027-01-31", "--owner=mek"], at()) == 0
    entry = capsys.readouterr().out
    assert "ticket" not in entry
    (expected / "waivers.yaml").write_text(f"waivers:\n{entry}")
    assert main(["check"], at()) == 0
    assert "until 2027-01-31 by mek\n" in capsys.readouterr().out


def test_a_drift_is_waived_until_its_last_day_is_over_and_as_long_as_it_is_the_same(
    expected: Path, capsys: Capture
) -> None:
    capsys.readouterr()
    waive()
    (expected / "waivers.yaml").write_text(f"waivers:\n{capsys.readouterr().out}")
    assert audited() == {"ol-b kernel.name": "waived"}
    assert main(["check"], at()) == 0
    assert audited(day="2027-01-31") == {"ol-b kernel.name": "waived"}
    assert audited(day="2027-02-01") == {"ol-b kernel.name": "drift", "(fleet) waiver.expired": "drift"}
    assert audited(SAID | {"ol-b": "Plan9"}) == {"ol-b kernel.name": "drift", "(fleet) waiver.unused": "drift"}
    assert audited(SAID | {"ol-b": "Linux"}) == {"(fleet) waiver.unused": "drift"}
    down = Failure(FailureReason.TIMEOUT, "no answer")
    assert audited(SAID | {"ol-b": down}) == {"ol-b host.reachable": "unknown", "(fleet) waiver.unused": "unknown"}
    assert audited(SAID | {"ol-b": "Linux"}, "2026-11-22", "ol-a") == {}
    assert audited(SAID, "2026-11-22", "--only", "waiver.*,kernel.*", "ol-b") == {"ol-b kernel.name": "waived"}
    capsys.readouterr()
    main(["check"], at())
    assert (
        "  waived  kernel.name  kernel\n                       until 2027-01-31 by mek (#1)"
        in capsys.readouterr().out
    )
    assert main(["waive", ID, *(f"{key}={text}" for key, text in WORD.items()), "--report", "now.json"], at()) == 2
    assert capsys.readouterr().err == (
        f"olaudit: {ID} (ol-b kernel.name kernel) is waived already, by mek until 2027-01-31\n"
        "hint: see expected/waivers.yaml:2\n"
    )


TEXTS = st.text(max_size=30) | st.text("\"'\\:#{}[]|>-&*!%@`?, \t\n\r\x85\u2028\x00\x1b\ud800😀é", max_size=30)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(observed=TEXTS.filter(bool), reason=TEXTS.filter(str.strip), owner=TEXTS.filter(str.strip))
def test_whatever_hosts_and_people_write_the_lines_load_again_and_waive(
    observed: str, reason: str, owner: str, expected: Path, capsys: Capture
) -> None:
    said: dict[str, str | Failure | None] = SAID | {"ol-b": f"{observed}x"}
    (expected / "waivers.yaml").unlink(missing_ok=True)
    audited(said)
    capsys.readouterr()
    assert waive(ID, "--report", "now.json", reason=reason, owner=owner) == 0
    (expected / "waivers.yaml").write_text(f"waivers:\n{capsys.readouterr().out}")
    assert audited(said) == {"ol-b kernel.name": "waived"}


def test_a_finding_without_a_subject_and_one_with_signs_of_globs_are_named_so_that_they_fit(
    latest: Path, capsys: Capture
) -> None:
    document = json.loads(latest.read_text())
    (found,) = (one for one in document["findings"] if one["verdict"] == "drift")
    for subject, line in (("", f'  - finding: "{ID}"\n'), ("a[b]*", '    subject: "a[[]b][*]"\n')):
        found["subject"] = subject
        latest.write_text(json.dumps(document))
        capsys.readouterr()
        assert waive() == 0
        assert line in capsys.readouterr().out


@pytest.mark.parametrize(
    ("finding", "said", "message"),
    [
        (finding_id("ol-a", "kernel.name", "kernel"), {}, "is as expected: there is nothing to waive"),
        ("zzzz", {}, "'zzzz' is no finding's id: 4 to 12 hex digits make one"),
        (ID[:3], {}, f"'{ID[:3]}' is no finding's id: 4 to 12 hex digits make one"),
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
def test_what_cannot_be_waived_is_one_clear_line(
    finding: str, said: dict[str, str], message: str, capsys: Capture
) -> None:
    capsys.readouterr()
    assert waive(finding, **said) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("olaudit: ")
    assert message in err.splitlines()[0]
    assert len(err.splitlines()) <= 2


def test_what_is_unknown_or_about_a_waiver_cannot_be_waived(expected: Path, capsys: Capture) -> None:
    entry = "observed: x, owner: mek, reason: why, ticket: x, expires: 2027-01-31"
    (expected / "waivers.yaml").write_text(f"waivers: [{{host: ol-a, check: kernel.name, subject: x, {entry}}}]")
    audited(SAID | {"ol-b": Failure(FailureReason.TIMEOUT, "no answer")})
    for host, check, subject, message in (
        ("ol-b", "host.reachable", "host", "is unknown: what was not seen cannot be waived"),
        (
            "(fleet)",
            "waiver.unused",
            "ol-a/kernel.name/x",
            "is about a waiver, and is mended in expected/waivers.yaml",
        ),
    ):
        id_ = finding_id(host, check, subject)
        capsys.readouterr()
        assert waive(id_, report="now.json") == 2
        assert capsys.readouterr().err.startswith(f"olaudit: {id_} ({host} {check} {subject}) {message}\n")


def test_the_owner_is_whoever_types_it(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    words = [f"{key}={text}" for key, text in WORD.items() if key != "--owner"]
    for environment, owner in (({"USER": "anna"}, "anna"), ({"USER": "", "LOGNAME": "ben"}, "ben")):
        for name, text in environment.items():
            monkeypatch.setenv(name, text)
        assert main(["waive", ID, *words], at()) == 0
        assert f'    owner: "{owner}"\n' in capsys.readouterr().out
    monkeypatch.delenv("LOGNAME")
    assert main(["waive", ID, *words], at()) == 2
    assert capsys.readouterr().err == (
        "olaudit: nobody answers for this waiver\nhint: name somebody with --owner NAME\n"
    )


@pytest.mark.parametrize("command", ["check", "validate"])
def test_a_waiver_of_more_than_a_year_is_refused_by_whatever_reads_it(
    command: str, expected: Path, capsys: Capture
) -> None:
    entry = "observed: x, owner: mek, reason: why, ticket: x, expires: 2027-11-24"
    (expected / "waivers.yaml").write_text(f"waivers: [{{finding: {'0' * 11}a, {entry}}}]")
    capsys.readouterr()
    assert main([command], at()) == 2
    assert capsys.readouterr().err.startswith("expected/waivers.yaml:1: 2027-11-24 is more than a year away")
    assert main([command], at(day="2026-11-23")) != 2


# --- reports that were written earlier -------------------------------------------------------------------------


def test_a_beginning_that_several_ids_share_is_refused_with_their_names(latest: Path) -> None:
    document = read_report(latest)
    (found,) = (one for one in document.findings if one.id == ID)
    twins = [found.model_copy(update={"id": f"{ID[:8]}000{n}"}) for n in range(6)]
    crowded = document.model_copy(update={"findings": tuple(twins)})
    with pytest.raises(UsageError, match=f"^6 findings' ids begin with {ID[:4]}$") as refused:
        find_finding(crowded, ID[:4].upper())
    assert refused.value.hint.startswith(f"{ID[:8]}0000 (ol-b kernel.name kernel); ")
    assert refused.value.hint.endswith("; and 1 more")
    assert find_finding(crowded, f"{ID[:8]}0003").id == f"{ID[:8]}0003"


@pytest.mark.parametrize("moment", ["yesterday", "2026-11-22T03:00:00"])
def test_a_report_whose_times_are_none_is_refused(moment: str, latest: Path, capsys: Capture) -> None:
    document = json.loads(latest.read_text())
    document["run"]["started_at"] = moment
    latest.write_text(json.dumps(document))
    capsys.readouterr()
    assert main(["explain", ID]) == 2
    assert "is not a JSON report of this olaudit: run.started_at: " in capsys.readouterr().err


def test_a_report_of_another_shape_says_what_is_wrong_with_it(latest: Path) -> None:
    document = json.loads(latest.read_text())
    document["run"]["complete"] = "yes"
    latest.write_text(json.dumps(document))
    with pytest.raises(
        UsageError, match=r"^\S+ is not a JSON report of this olaudit: run\.complete: Input should be"
    ):
        read_report(latest)
