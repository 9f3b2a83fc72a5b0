"""`olaudit check` against the lab, in the test process and with the resolver of the fleet."""

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
SKIP_SERVICES = ("--skip", "service.state")
"""The hosts of the lab run no service manager, such as systemd."""


@dataclass(frozen=True)
class AuditResult:
    """Result of a run of `olaudit check`."""

    code: int
    report: dict[str, Any]
    seconds: float

    @property
    def findings(self) -> list[tuple[str, str, str, str]]:
        return [
            (finding["host"], finding["check"], finding["subject"], finding["verdict"])
            for finding in self.report["findings"]
        ]


@dataclass(frozen=True)
class LabAuditor:
    """Callable that runs `olaudit check` against the lab, without ol-dev: the wiki page gives only its name."""

    lab: Lab
    capsys: pytest.CaptureFixture[str]

    expected: Path = EXPECTED
    skip_options: tuple[str, ...] = SKIP_SERVICES

    def __call__(self, *args: str) -> AuditResult:
        targets = [] if any(arg.startswith("ol-") for arg in args) else list(self.lab.hosts)
        options = ["-e", str(self.expected), "--ssh-config", str(self.lab.ssh_config), "-f", "json"]
        started = time.monotonic()
        code = main(["check", *options, *self.skip_options, *args, *targets])
        seconds = time.monotonic() - started
        captured = self.capsys.readouterr()
        assert SECRET not in captured.out + captured.err
        return AuditResult(code, json.loads(captured.out), seconds)


def use_fleet_resolver(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Replace the auditor's resolver by that of the fleet. Return its zone, to which tests may add names."""
    zone = {f"{name}.us.archive.org": host.address for name, host in lab.hosts.items()}
    getaddrinfo = socket.getaddrinfo

    def resolve(name: str, *args: Any, **kwargs: Any) -> Any:
        if str(name).endswith(".archive.org"):
            if name not in zone:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            name = zone[name]
        return getaddrinfo(name, *args, **kwargs)

    def resolve_address(address: str) -> tuple[str, list[str], list[str]]:
        names = [name for name, target in zone.items() if target == address]
        if not names:
            raise socket.herror(1, "Unknown host")
        return names[0], names[1:], [address]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "gethostbyaddr", resolve_address)
    return zone
