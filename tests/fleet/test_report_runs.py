"""Nightly reports on the real fleet, with a simulated clock: new drift, an unreachable host, fixed drift."""

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
from tests.fleet.auditing import SKIP_SERVICES
from tests.fleet.lab import Lab
from tests.fleet.serve_process import without_ol_dev

FIRST = datetime(2026, 11, 20, 3, 0, 0, tzinfo=UTC)


@dataclass
class ReportRunner:
    """Callable that runs `olaudit report` against the lab; each run is a day after the previous one."""

    folder: Path
    lab: Lab
    capsys: pytest.CaptureFixture[str]
    time: datetime = field(default=FIRST - timedelta(days=1))

    def __call__(self, *arguments: str) -> tuple[int, list[str], dict[str, Any]]:
        """Return the exit code, the lines that cron would mail, and the stored report."""
        self.time += timedelta(days=1)
        folders = ["-e", str(self.folder / "expected"), "--reports", str(self.folder / "reports")]
        options = ["--ssh-config", str(self.lab.ssh_config), "--timeout", "8", *SKIP_SERVICES]
        code = main(["report", *folders, *options, *arguments], Tools(CHECKERS, make_transport, lambda: self.time))
        captured = self.capsys.readouterr()
        assert captured.err == ""
        document = json.loads((self.folder / "reports" / "latest.json").read_text(encoding="utf-8"))
        assert document["run"]["started_at"] == f"{self.time:%Y-%m-%dT%H:%M:%SZ}"
        return code, captured.out.splitlines(), document


@pytest.fixture
def report_run(
    lab: Lab, dns_zone: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> ReportRunner:
    """Return a callable that runs the report of the lab's thirteen hosts (ol-dev is not in the lab)."""
    assert dns_zone
    without_ol_dev(tmp_path)
    return ReportRunner(tmp_path, lab, capsys)


def first_seen(document: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(finding["host"], finding["check"]): finding["first_seen"] for finding in document["findings"]}


def block(lines: list[str], title: str) -> list[str]:
    """Return the lines of one block without its title; empty if the block is missing."""
    begin = next((number for number, line in enumerate(lines) if line.startswith(title)), None)
    if begin is None:
        return []
    following = lines[begin + 1 :]
    return following[: following.index("")] if "" in following else following


def rename_commands(name: str) -> tuple[str, str]:
    """Return the commands that rename a container to Compose v1's name, and back."""
    old, new = f"openlibrary-{name}-1", f"openlibrary_{name}_1"
    return f"docker rename {old} {new}", f"docker rename {new} {old}"


def title(name: str, host: str) -> str:
    return f"{host}  container.name  openlibrary-{name}-1"


def test_reports_compare_each_run_with_the_previous_one(report_run: ReportRunner) -> None:
    covers, web = report_run.lab.hosts["ol-covers0"], report_run.lab.hosts["ol-web1"]
    with web.drift(*rename_commands("web")), covers.drift(*rename_commands("covers")):
        with covers.drift(*rename_commands("covers_nginx")):
            assert_drift_is_new(*report_run())
            with covers.refusing_connections():
                assert_host_is_unreachable(*report_run())
        assert_drift_is_fixed(*report_run())
    code, lines, document = report_run()
    assert (code, document["findings"]) == (0, [])
    assert [line.split("; ")[-1] for line in block(lines, "RESOLVED (2)")] == [
        "drift from 2026-11-20 03:00 UTC to 2026-11-22 03:00 UTC"
    ] * 2


def assert_drift_is_new(code: int, lines: list[str], document: dict[str, Any]) -> None:
    assert code == 1
    assert lines[0].startswith("DRIFT: 3 drift (3 new), 0 unknown of ")
    assert lines[2] == "NEW (3), there is no earlier run to compare with"
    assert [line.rpartition("  ")[0] for line in block(lines, "NEW") if line.startswith("  warning")] == [
        f"  warning  {title('covers', 'ol-covers0')}",
        f"  warning  {title('covers_nginx', 'ol-covers0')}",
        f"  warning  {title('web', 'ol-web1')}",
    ]
    assert set(first_seen(document).values()) == {"2026-11-20T03:00:00Z"}


def assert_host_is_unreachable(code: int, lines: list[str], document: dict[str, Any]) -> None:
    assert code == 1
    assert lines[0].startswith("DRIFT: 1 drift, 1 unknown of ")
    assert "; 12 of 13 hosts audited, " in lines[0]
    assert lines[2] == "NEW: none, since 2026-11-20 03:00 UTC"
    assert block(lines, "RESOLVED") == []
    assert block(lines, "UNCHANGED (1)") == [
        f"  warning  1 day  {title('web', 'ol-web1')}  openlibrary_web_1",
    ]
    assert block(lines, "UNKNOWN (1)")[0] == "  ol-covers0  NOT AUDITED (refused), new"
    assert [line.split() for line in block(lines, "UNOBSERVED (2)")] == [
        f"warning 1 day {title(name, 'ol-covers0')} last seen 2026-11-20 03:00 UTC".split()
        for name in ("covers", "covers_nginx")
    ]
    assert first_seen(document) == {
        ("ol-covers0", "host.reachable"): "2026-11-21T03:00:00Z",
        ("ol-web1", "container.name"): "2026-11-20T03:00:00Z",
    }


def assert_drift_is_fixed(code: int, lines: list[str], document: dict[str, Any]) -> None:
    assert code == 1
    assert lines[0].startswith("DRIFT: 2 drift, 0 unknown of ")
    assert lines[2] == "NEW: none, since 2026-11-21 03:00 UTC"
    assert block(lines, "RESOLVED (1)") == [
        f"  {title('covers_nginx', 'ol-covers0')}  fixed; drift from 2026-11-20 03:00 UTC to 2026-11-20 03:00 UTC"
    ]
    assert [line.split() for line in block(lines, "UNCHANGED (2)")] == [
        f"warning 2 days {title('covers', 'ol-covers0')} openlibrary_covers_1".split(),
        f"warning 2 days {title('web', 'ol-web1')} openlibrary_web_1".split(),
    ]
    assert block(lines, "UNKNOWN") == []
    assert block(lines, "UNOBSERVED") == []
    assert block(lines, "OBSERVED AGAIN (1)") == ["  ol-covers0 host.reachable"]
    assert set(first_seen(document).values()) == {"2026-11-20T03:00:00Z"}
