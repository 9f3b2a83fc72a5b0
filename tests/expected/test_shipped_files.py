"""The shipped files on sections about files: olsystem's links, cron jobs, certificates."""

from __future__ import annotations

from pathlib import Path

import pytest

from olaudit.checks import CHECKERS
from olaudit.expected import FleetSpec, load
from olaudit.model import Severity

ROOT = Path(__file__).parents[2] / "expected"
ETC = "/opt/openlibrary/olsystem/etc"


@pytest.fixture(scope="module")
def shipped() -> FleetSpec:
    return load(ROOT, CHECKERS)


def test_every_docker_host_links_olsystems_etc_with_exceptions(shipped: FleetSpec) -> None:
    farms = {name: host.sections.get("symlink_farm") for name, host in shipped.hosts.items()}
    assert {name for name, farm in farms.items() if farm} == {
        name for name, host in shipped.hosts.items() if "docker-host" in host.roles
    }
    assert {(farm.source, farm.into) for farm in farms.values() if farm} == {(ETC, "/etc")}
    assert {name: farm.exceptions for name, farm in farms.items() if farm and farm.exceptions != ("ferm",)} == {
        "ol-home0": ("ferm", "cron.d")
    }


def test_cron_is_evaluated_on_the_host_of_the_jobs(shipped: FleetSpec) -> None:
    crons = {name: host.sections["cron"] for name, host in shipped.hosts.items() if "cron" in host.sections}
    assert {name: (cron.source, cron.into, cron.daemon) for name, cron in crons.items()} == {
        "ol-home0": (f"{ETC}/cron.d", "/etc/cron.d", True)
    }


def test_certificates_are_evaluated_on_hosts_with_public_nginx(shipped: FleetSpec) -> None:
    certificates = {
        name: host.sections["certificates"]
        for name, host in shipped.hosts.items()
        if "certificates" in host.sections
    }
    assert {name: (spec.days, spec.container) for name, spec in certificates.items()} == {
        "ol-covers0": (21, "openlibrary-covers_nginx-1"),
        "ol-www0": (21, "openlibrary-web_nginx-1"),
    }
    for name, spec in certificates.items():
        assert spec.container in {item.name.value for item in shipped.hosts[name].sections["containers"]}


def test_compose_override_is_critical(shipped: FleetSpec) -> None:
    paths = shipped.hosts["ol-web1"].sections["paths"]
    assert paths["/opt/openlibrary/openlibrary/compose.override.yaml"].severity is Severity.CRITICAL
    assert paths["/opt/*_new"].severity is Severity.WARNING
