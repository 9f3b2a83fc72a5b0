"""Nights on the real fleet: drift appears, a host cannot be reached, drift is mended; the clock is told."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from olaudit.checks import CHECKERS
from olaudit.cli import main
from olaudit.cli.fleet_audit import Tools, make_transport
from tests.fleet.auditing import NO_INIT
from tests.fleet.lab import Lab
from tests.fleet.serving import without_ol_dev

FIRST = datetime(2026, 11, 20, 3, 0, 0, tzinfo=UTC)


@dataclass
class RunHistory:
    """Runs `olaudit report` against the lab, each night a day after the one before."""

    folder: Path
    lab: Lab
    capsys: pytest.CaptureFixture[str]
    night: datetime = field(default=FIRST - timedelta(days=1))

    def __call__(self, *arguments: str) -> tuple[int, list[str], dict[str, Any]]:
        """Give the exit code, the lines that cron would mail, and the report that was kept."""
        self.night += timedelta(days=1)
        where = ["-e", str(self.folder / "expected"), "--reports", str(self.folder / "reports")]
        how = ["--ssh-config", str(self.lab.ssh_config), "--timeout", "8", *NO_INIT]
        code = main(["report", *where, *how, *arguments], Tools(CHECKERS, make_transport, lambda: self.night))
        printed = self.capsys.readouterr()
        assert printed.err == ""
        document = json.loads((self.folder / "reports" / "latest.json").read_text(encoding="utf-8"))
        assert document["run"]["started_at"] == f"{self.night:%Y-%m-%dT%H:%M:%SZ}"
        return code, printed.out.splitlines(), document


@pytest.fixture
def nights(lab: Lab, names: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> RunHistory:
    """Give the nights of the lab's thirteen hosts; ol-dev, of which only the name is known, is not among them."""
    assert names
    without_ol_dev(tmp_path)
    return RunHistory(tmp_path, lab, capsys)


def ages(document: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(found["host"], found["check"]): found["first_seen"] for found in document["findings"]}


def block(lines: list[str], title: str) -> list[str]:
    """Give the lines of one block, without its title; none if the block is not there."""
    begin = next((number for number, line in enumerate(lines) if line.startswith(title)), None)
    if begin is None:
        return []
    rest = lines[begin + 1 :]
    return rest[: rest.index("")] if "" in rest else rest


def renamed(name: str) -> tuple[str, str]:
    """Give the commands that let a container drift to Compose v1's name, and back."""
    old, new = f"openlibrary-{name}-1", f"openlibrary_{name}_1"
    return f"docker rename {old} {new}", f"docker rename {new} {old}"


def named(name: str, host: str) -> str:
    return f"{host}  container.name  openlibrary-{name}-1"


def test_three_nights_tell_what_is_new_gone_still_there_and_unknown(nights: RunHistory) -> None:
    covers, web = nights.lab.hosts["ol-covers0"], nights.lab.hosts["ol-web1"]
    with web.drift(*renamed("web")), covers.drift(*renamed("covers")):
        with covers.drift(*renamed("covers_nginx")):
            drift_appears(*nights())
            with covers.refusing():
                a_host_is_unreachable(*nights())
        drift_is_mended(*nights())
    code, lines, document = nights()
    assert (code, document["findings"]) == (0, [])
    assert [line.split("; ")[-1] for line in block(lines, "RESOLVED (2)")] == [
        "drift from 2026-11-20 03:00 UTC to 2026-11-22 03:00 UTC"
    ] * 2


def drift_appears(code: int, lines: list[str], document: dict[str, Any]) -> None:
    assert code == 1
    assert lines[0].startswith("DRIFT: 3 drift (3 new), 0 unknown of ")
    assert lines[2] == "NEW (3), there is no earlier run to compare with"
    assert [line.rpartition("  ")[0] for line in block(lines, "NEW") if line.startswith("  warning")] == [
        f"  warning  {named('covers', 'ol-covers0')}",
        f"  warning  {named('covers_nginx', 'ol-covers0')}",
        f"  warning  {named('web', 'ol-web1')}",
    ]
    assert set(ages(document).values()) == {"2026-11-20T03:00:00Z"}


def a_host_is_unreachable(code: int, lines: list[str], document: dict[str, Any]) -> None:
    assert code == 1
    assert lines[0].startswith("DRIFT: 1 drift, 1 unknown of ")
    assert "; 12 of 13 hosts audited, " in lines[0]
    assert lines[2] == "NEW: none, since 2026-11-20 03:00 UTC"
    assert block(lines, "RESOLVED") == []
    assert block(lines, "UNCHANGED (1)") == [
        f"  warning  1 day  {named('web', 'ol-web1')}  openlibrary_web_1",
    ]
    assert block(lines, "UNKNOWN (1)")[0] == "  ol-covers0  NOT AUDITED (refused), new"
    assert [line.split() for line in block(lines, "UNOBSERVED (2)")] == [
        f"warning 1 day {named(name, 'ol-covers0')} last seen 2026-11-20 03:00 UTC".split()
        for name in ("covers", "covers_nginx")
    ]
    assert ages(document) == {
        ("ol-covers0", "host.reachable"): "2026-11-21T03:00:00Z",
        ("ol-web1", "container.name"): "2026-11-20T03:00:00Z",
    }


def drift_is_mended(code: int, lines: list[str], document: dict[str, Any]) -> None:
    assert code == 1
    assert lines[0].startswith("DRIFT: 2 drift, 0 unknown of ")
    assert lines[2] == "NEW: none, since 2026-11-21 03:00 UTC"
    assert block(lines, "RESOLVED (1)") == [
        f"  {named('covers_nginx', 'ol-covers0')}  fixed; drift from 2026-11-20 03:00 UTC to 2026-11-20 03:00 UTC"
    ]
    assert [line.split() for line in block(lines, "UNCHANGED (2)")] == [
        f"warning 2 days {named('covers', 'ol-covers0')} openlibrary_covers_1".split(),
        f"warning 2 days {named('web', 'ol-web1')} openlibrary_web_1".split(),
    ]
    assert block(lines, "UNKNOWN") == []
    assert block(lines, "UNOBSERVED") == []
    assert block(lines, "OBSERVED AGAIN (1)") == ["  ol-covers0 host.reachable"]
    assert set(ages(document).values()) == {"2026-11-20T03:00:00Z"}
