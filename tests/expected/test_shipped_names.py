"""The shipped files on retired host names, firewalls, and the clients of databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from olaudit.checks import CHECKERS
from olaudit.expected import FleetSpec, load

ROOT = Path(__file__).parents[2] / "expected"


@pytest.fixture(scope="module")
def shipped() -> FleetSpec:
    return load(ROOT, CHECKERS)


def test_retired_names_are_forbidden_on_every_host(shipped: FleetSpec) -> None:
    for host in shipped.hosts.values():
        assert set(host.sections["retired_names"].names) == set(shipped.retired)
        assert "/etc/hosts" in host.sections["retired_names"].files


def test_each_retired_name_is_resolved_on_its_replacement_only(shipped: FleetSpec) -> None:
    resolved = {
        (name, section.witness): host.name
        for host in shipped.hosts.values()
        for section in (host.sections["retired_names"],)
        for name in section.unresolved
    }
    assert resolved == {
        (f"{old}.{shipped.domain}", f"{new.replaced_by}.{shipped.domain}"): new.replaced_by
        for old, new in shipped.retired.items()
    }


def test_docker_hosts_have_the_deployed_firewall(shipped: FleetSpec) -> None:
    for host in shipped.hosts.values():
        section = host.sections.get("firewall")
        assert (section is not None) is (host.sections["docker"] == "required")
        assert section is None or section.chains == ("DOCKER-USER",)


def test_databases_admit_the_hosts_that_need_them(shipped: FleetSpec) -> None:
    clients = ("ol-covers0", "ol-home0", "ol-web1", "ol-web2")
    for host in shipped.hosts.values():
        section = host.sections.get("postgres")
        assert (section is not None) is (host.name in {"ol-db1", "ol-db2"})
        assert section is None or section.clients == tuple(f"{name}.{shipped.domain}" for name in clients)
