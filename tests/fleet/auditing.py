"""`olaudit check` as the tests run it against the lab: in this process, and with the fleet's own resolver."""

from __future__ import annotations

import json
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from olaudit.cli import main
from tests.fleet.engine import SECRET
from tests.fleet.lab import Lab

OLAUDIT = (sys.executable, "-m", "olaudit")
EXPECTED = Path(__file__).parents[2] / "expected"
DEPLOYS = "/opt/openlibrary/deploys"
NO_INIT = ("--skip", "service.state")
"""No systemd runs inside of the lab's hosts, nor any other init that knows of services."""


@dataclass(frozen=True)
class Audited:
    """What a run of `olaudit check` gave."""

    code: int
    report: dict[str, Any]
    seconds: float

    @property
    def findings(self) -> list[tuple[str, str, str, str]]:
        return [(one["host"], one["check"], one["subject"], one["verdict"]) for one in self.report["findings"]]


@dataclass(frozen=True)
class Auditor:
    """Runs `olaudit check` against the lab. ol-dev is left out: nothing is known of it but its name."""

    lab: Lab
    capsys: pytest.CaptureFixture[str]

    expected: Path = EXPECTED
    without: tuple[str, ...] = NO_INIT

    def __call__(self, *args: str) -> Audited:
        targets = [] if any(arg.startswith("ol-") for arg in args) else list(self.lab.hosts)
        how = ["-e", str(self.expected), "--ssh-config", str(self.lab.ssh_config), "-f", "json", *self.without]
        started = time.monotonic()
        code = main(["check", *how, *args, *targets])
        seconds = time.monotonic() - started
        said = self.capsys.readouterr()
        assert SECRET not in said.out + said.err
        return Audited(code, json.loads(said.out), seconds)


def resolve_as_the_fleet_does(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Make the auditor's resolver that of the fleet's own network; a test may add names that linger there."""
    zone = {f"{name}.us.archive.org": host.address for name, host in lab.hosts.items()}
    getaddrinfo = socket.getaddrinfo

    def resolve(name: str, *args: Any, **kwargs: Any) -> Any:
        if str(name).endswith(".archive.org"):
            if name not in zone:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            name = zone[name]
        return getaddrinfo(name, *args, **kwargs)

    def back(address: str) -> tuple[str, list[str], list[str]]:
        found = [name for name, one in zone.items() if one == address]
        if not found:
            raise socket.herror(1, "Unknown host")
        return found[0], found[1:], [address]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "gethostbyaddr", back)
    return zone
