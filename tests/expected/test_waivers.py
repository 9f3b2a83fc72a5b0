"""waivers.yaml: what it may say, and in exactly which words it is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from olaudit.checker import Check, Checker
from olaudit.errors import ExpectedError
from olaudit.expected import Place, WaiverSpec, load
from olaudit.language import Expect
from olaudit.model import Severity, finding_id
from tests.expected.toys import write

TITLE: Checker[Expect[str]] = Checker(
    section="title",
    model=Expect[str],
    ids=(Check("title.text", Severity.WARNING, "another"), Check("title.colour", Severity.INFO, "another")),
    probes=lambda _: (),
    evaluate=lambda _, __: (),
)
FILES = {
    "fleet.yaml": "name: toys\ndomain: example.org\n",
    "roles/common.yaml": None,
    "roles/extra.yaml": None,
    "hosts/toy1.yaml": "host: toy1",
    "hosts/toy2.yaml": "host: toy2",
}
TODAY = date(2026, 11, 22)
WHERE = {"host": "toy1", "check": "title.text", "subject": "lid"}
WORD = {"observed": "x", "owner": "mek", "reason": "why", "ticket": "'#1'", "expires": "2027-01-31"}


def item(**said: str | None) -> str:
    """Write one waiver, a key a line, each at line 2 and further; None leaves a key out."""
    lines = [f"{key}: {text}" for key, text in (WHERE | WORD | said).items() if text is not None]
    return "  - " + "\n    ".join(lines) + "\n"


def loaded(root: Path, text: str, today: date | None = TODAY) -> tuple[WaiverSpec, ...]:
    return load(write(root, {**FILES, "waivers.yaml": text}), [TITLE], today).waivers


def refused(root: Path, text: str) -> list[str]:
    with pytest.raises(ExpectedError) as error:
        loaded(root, text)
    return [str(problem).replace(f"{root}/", "") for problem in error.value.problems]


# --- what may be said ------------------------------------------------------------------------------------------


def test_a_fleet_need_not_have_waivers(tmp_path: Path) -> None:
    assert load(write(tmp_path, FILES), [TITLE], TODAY).waivers == ()


def test_a_waiver_knows_what_it_says_and_where(tmp_path: Path) -> None:
    by_id = item(
        finding="0123456789ab", host=None, check=None, subject=None, observed="''", expires="'2027-11-23'"
    )
    first, second = loaded(tmp_path, "# accepted\nwaivers:\n" + item(host="toy*", subject="'[a-z]*'") + by_id)
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


def test_an_expired_waiver_is_no_mistake_of_the_file(tmp_path: Path) -> None:
    assert loaded(tmp_path, "waivers:\n" + item(expires="2020-02-29"))


def test_without_a_day_to_count_from_a_waiver_may_end_whenever_it_likes(tmp_path: Path) -> None:
    assert loaded(tmp_path, "waivers:\n" + item(expires="2099-12-31"), None)


# --- what may not ----------------------------------------------------------------------------------------------

NO_DATE = "is no date: write YYYY-MM-DD, such as 2027-01-31"
REFUSED = {
    "no list": ("waivers: {}\n", ["1: 'waivers' must be a list, not a mapping"]),
    "nothing": ("# only this\n", ["1: this file is empty"]),
    "another key": (
        "waiver: []\n",
        ["1: 'waivers' is missing here", "1: unknown key 'waiver': did you mean 'waivers'?"],
    ),
    "no mapping": ("waivers: [x]\n", ["1: this must be a mapping, not the text 'x'"]),
    "unknown key": (item(ovner="me"), ["10: unknown key 'ovner': did you mean 'owner'?"]),
    "no owner": (item(owner=None), ["2: 'owner' is missing here"]),
    "empty": (item(reason="' '"), ["7: 'reason' must not be empty"]),
    "no value": (item(ticket=""), ["8: there is no value here: write one, or leave the key out"]),
    "a comment": (item(ticket="#1"), ["8: there is no value here: write one, or leave the key out"]),
    "a number": (item(observed="20.04"), ['5: 20.04 is read as a number by YAML: write it in quotes, "20.04"']),
    "no date": (item(expires="soon"), [f"9: 'soon' {NO_DATE}"]),
    "no such day": (item(expires="2027-02-29"), [f"9: '2027-02-29' {NO_DATE}"]),
    "a moment": (
        item(expires="2027-01-31T10:00:00Z"),
        [f"9: '2027-01-31T10:00:00Z' {NO_DATE}"],
    ),
    "a number for a date": (
        item(expires="20270131"),
        ['9: 20270131 is read as a number by YAML: write it in quotes, "20270131"'],
    ),
    "too long": (
        item(expires="2027-11-24"),
        ["9: 2027-11-24 is more than a year away: a waiver may last until 2027-11-23 at most"],
    ),
    "unknown host": (item(host="toy3"), ["2: unknown host 'toy3': did you mean 'toy2'?"]),
    "no host fits": (item(host="'boy*'"), ["2: no host's name fits 'boy*'"]),
    "unknown check": (item(check="title.txt"), ["3: unknown check 'title.txt': did you mean 'title.text'?"]),
    "a check out of nowhere": (item(check="zzz"), ["3: unknown check 'zzz': known are title.*"]),
    "a glob for a check": (item(check="title.*"), ["3: unknown check 'title.*': did you mean 'title.text'?"]),
    "unreachable": (
        item(check="host.reachable"),
        ["3: host.reachable cannot be waived: it is about what was not seen, or not accepted"],
    ),
    "a waiver": (
        item(check="waiver.unused"),
        ["3: waiver.unused cannot be waived: it is about what was not seen, or not accepted"],
    ),
    "no name": (
        item(host=None, check=None, subject=None),
        ["2: this names nothing to waive: write 'finding', or 'host', 'check' and 'subject'"],
    ),
    "half a name": (item(subject=None), ["2: 'subject' is missing here"]),
    "both names": (
        item(finding="0123456789ab", subject=None),
        ["2: 'finding' says what is waived already: leave 'host' and 'check' out"],
    ),
    "no id": (
        item(finding="01234z", host=None, check=None, subject=None),
        ["7: '01234z' is no finding's id: twelve hex digits make one"],
    ),
    "twice": (
        item() + item(observed="y"),
        ["10: toy1/title.text/lid is waived twice: waivers.yaml:2 waives it too"],
    ),
    "twice, by its id": (
        item(finding=finding_id("toy1", "title.text", "lid"), host=None, check=None, subject=None) + item(),
        ["8: toy1/title.text/lid is waived twice: waivers.yaml:2 waives it too"],
    ),
    "all at once": (
        item(host="toy3", ovner="me") + item(check="x.y", expires="2099-01-01"),
        [
            "2: unknown host 'toy3': did you mean 'toy2'?",
            "10: unknown key 'ovner': did you mean 'owner'?",
            "12: unknown check 'x.y': known are title.*",
            "18: 2099-01-01 is more than a year away: a waiver may last until 2027-11-23 at most",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_a_waiver_that_makes_no_sense_is_refused_in_exactly_these_words(
    text: str, said: list[str], tmp_path: Path
) -> None:
    whole = text if text.startswith(("waiver", "#")) else f"waivers:\n{text}"
    assert refused(tmp_path, whole) == [f"waivers.yaml:{line}" for line in said]
