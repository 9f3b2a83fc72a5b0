"""Validation of waivers.yaml, and its exact error messages."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from olaudit.checker import Checker
from olaudit.errors import ExpectedError
from olaudit.expected import Place, WaiverSpec, load
from olaudit.language import Expect
from olaudit.model import Check, Severity, finding_id
from tests.expected.toys import write

TITLE: Checker[Expect[str]] = Checker(
    section="title",
    model=Expect[str],
    checks=(Check("title.text", Severity.WARNING, "another"), Check("title.colour", Severity.INFO, "another")),
    facts=lambda _: (),
)
FILES = {
    "fleet.yaml": "name: toys\ndomain: example.org\n",
    "roles/common.yaml": None,
    "roles/extra.yaml": None,
    "hosts/toy1.yaml": "host: toy1",
    "hosts/toy2.yaml": "host: toy2",
}
TODAY = date(2026, 11, 22)
TARGET = {"host": "toy1", "check": "title.text", "subject": "lid"}
ACCEPTANCE = {"observed": "x", "owner": "mek", "reason": "why", "ticket": "'#1'", "expires": "2027-01-31"}


def item(**changes: str | None) -> str:
    """Format one waiver with one key per line, from line 2 on; None omits a key."""
    lines = [f"{key}: {text}" for key, text in (TARGET | ACCEPTANCE | changes).items() if text is not None]
    return "  - " + "\n    ".join(lines) + "\n"


def load_text(root: Path, text: str, today: date | None = TODAY) -> tuple[WaiverSpec, ...]:
    return load(write(root, {**FILES, "waivers.yaml": text}), [TITLE], today).waivers


def problems_of(root: Path, text: str) -> list[str]:
    with pytest.raises(ExpectedError) as error:
        load_text(root, text)
    return [str(problem).replace(f"{root}/", "") for problem in error.value.problems]


# --- valid waivers -----------------------------------------------------------------------------------------------


def test_waivers_file_is_optional(tmp_path: Path) -> None:
    assert load(write(tmp_path, FILES), [TITLE], TODAY).waivers == ()


def test_waiver_is_loaded_with_its_place(tmp_path: Path) -> None:
    by_id = item(
        finding="0123456789ab", host=None, check=None, subject=None, observed="''", expires="'2027-11-23'"
    )
    first, second = load_text(tmp_path, "# accepted\nwaivers:\n" + item(host="toy*", subject="'[a-z]*'") + by_id)
    assert first == WaiverSpec(
        host="toy*",
        check="title.text",
        subject="[a-z]*",
        observed="x",
        owner="mek",
        reason="why",
        ticket="#1",
        expires=date(2027, 1, 31),
        place=Place("waivers.yaml", 3),
    )
    assert (first.name, str(first.place)) == ("toy*/title.text/[a-z]*", "expected/waivers.yaml:3")
    assert (second.name, second.observed, second.expires) == ("0123456789ab", "", date(2027, 11, 23))


def test_expired_waiver_is_valid(tmp_path: Path) -> None:
    assert load_text(tmp_path, "waivers:\n" + item(expires="2020-02-29"))


def test_expiry_is_not_limited_without_a_date_of_today(tmp_path: Path) -> None:
    assert load_text(tmp_path, "waivers:\n" + item(expires="2099-12-31"), None)


# --- invalid waivers ---------------------------------------------------------------------------------------------

NOT_A_DATE = "is not a date: write YYYY-MM-DD, such as 2027-01-31"
INVALID = {
    "not a list": ("waivers: {}\n", ["1: 'waivers' must be a list, not a mapping"]),
    "empty file": ("# only this\n", ["1: this file is empty"]),
    "unknown top-level key": (
        "waiver: []\n",
        ["1: missing key 'waivers'", "1: unknown key 'waiver': did you mean 'waivers'?"],
    ),
    "not a mapping": ("waivers: [x]\n", ["1: this must be a mapping, not the text 'x'"]),
    "unknown key": (item(ovner="me"), ["10: unknown key 'ovner': did you mean 'owner'?"]),
    "missing owner": (item(owner=None), ["2: missing key 'owner'"]),
    "empty reason": (item(reason="' '"), ["7: 'reason' must not be empty"]),
    "missing value": (item(ticket=""), ["8: missing value: write one, or remove the key"]),
    "comment as value": (item(ticket="#1"), ["8: missing value: write one, or remove the key"]),
    "number": (item(observed="20.04"), ['5: YAML reads 20.04 as a number: write it in quotes, "20.04"']),
    "not a date": (item(expires="soon"), [f"9: 'soon' {NOT_A_DATE}"]),
    "nonexistent day": (item(expires="2027-02-29"), [f"9: '2027-02-29' {NOT_A_DATE}"]),
    "date with time": (
        item(expires="2027-01-31T10:00:00Z"),
        [f"9: '2027-01-31T10:00:00Z' {NOT_A_DATE}"],
    ),
    "number as date": (
        item(expires="20270131"),
        ['9: YAML reads 20270131 as a number: write it in quotes, "20270131"'],
    ),
    "too long": (
        item(expires="2027-11-24"),
        ["9: 2027-11-24 is more than a year away: a waiver may last until 2027-11-23 at most"],
    ),
    "unknown host": (item(host="toy3"), ["2: unknown host 'toy3': did you mean 'toy2'?"]),
    "glob without a host": (item(host="'boy*'"), ["2: no host name matches 'boy*'"]),
    "unknown check": (item(check="title.txt"), ["3: unknown check 'title.txt': did you mean 'title.text'?"]),
    "unknown check, nothing similar": (item(check="zzz"), ["3: unknown check 'zzz': expected one of title.*"]),
    "glob for a check": (item(check="title.*"), ["3: unknown check 'title.*': did you mean 'title.text'?"]),
    "unreachable": (
        item(check="host.reachable"),
        ["3: host.reachable cannot be waived: only drift on an audited host can be accepted"],
    ),
    "check of waivers": (
        item(check="waiver.unused"),
        ["3: waiver.unused cannot be waived: only drift on an audited host can be accepted"],
    ),
    "no target": (
        item(host=None, check=None, subject=None),
        ["2: this waiver has no target: write 'finding', or 'host', 'check' and 'subject'"],
    ),
    "incomplete target": (item(subject=None), ["2: missing key 'subject'"]),
    "two targets": (
        item(finding="0123456789ab", subject=None),
        ["2: 'finding' already names what is waived: remove 'host' and 'check'"],
    ),
    "invalid id": (
        item(finding="01234z", host=None, check=None, subject=None),
        ["7: '01234z' is not a finding id: an id has twelve hex digits"],
    ),
    "twice": (
        item() + item(observed="y"),
        ["10: toy1/title.text/lid is waived twice: waivers.yaml:2 waives it too"],
    ),
    "twice, by its id": (
        item(finding=finding_id("toy1", "title.text", "lid"), host=None, check=None, subject=None) + item(),
        ["8: toy1/title.text/lid is waived twice: waivers.yaml:2 waives it too"],
    ),
    "several problems": (
        item(host="toy3", ovner="me") + item(check="x.y", expires="2099-01-01"),
        [
            "2: unknown host 'toy3': did you mean 'toy2'?",
            "10: unknown key 'ovner': did you mean 'owner'?",
            "12: unknown check 'x.y': expected one of title.*",
            "18: 2099-01-01 is more than a year away: a waiver may last until 2027-11-23 at most",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), INVALID.values(), ids=INVALID)
def test_invalid_waiver_has_exactly_the_expected_problems(text: str, expected: list[str], tmp_path: Path) -> None:
    content = text if text.startswith(("waiver", "#")) else f"waivers:\n{text}"
    assert problems_of(tmp_path, content) == [f"waivers.yaml:{line}" for line in expected]
