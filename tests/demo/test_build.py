from __future__ import annotations

from pathlib import Path

import pytest

from olaudit.audit import plan, select_checks
from olaudit.checks import CHECKERS
from olaudit.demo.build import build_machine
from olaudit.demo.fleet import simulated
from olaudit.expected import load
from tests.demo.auditing import not_ok, run_audit

_FLEET = "name: elsewhere\ndomain: example.org\n"

_HOST = """\
host: ol-odd
hostname: {value: "odd.{domain}", accept: ["{host}"]}
docker: required
container_defaults: {restart: "on-failure:5", image: haproxy}
containers:
  - service: web
    name: openlibrary-web-1
    hostname: {value: odd}
    ports: ["8080:80", "127.0.0.1:7000:7000/udp", "8081:80"]
    mounts: ["/opt/olsystem:/olsystem:ro", "data:/var/data"]
  - {service: migrate, name: openlibrary-migrate-1, state: exited, restart: "no", image: "ol/base@sha256:00"}
  - {service: extra, name: openlibrary-extra-1, presence: optional}
paths:
  /srv/app/current/run.sh: {type: file, owner: www-data, group: "33", mode: "4755"}
  /srv/app/shared: {owner: "12345", mode: "0700"}
  /srv/app/[ab]-?.d*: {type: file}
  /srv/app/maybe: {presence: optional}
  /srv/app/never: {presence: forbidden}
  /srv/app/a.conf: {type: file, content: {equals: /srv/app/b.conf}}
symlink_farm: {source: /srv/ol/etc, into: /etc, except: [ferm]}
cron: {source: /srv/ol/etc/cron.d}
certificates: {folder: /etc/letsencrypt/live, days: 21}
symlinks:
  /srv/app/current:
    target: /srv/app/deploys/<commit>
  /srv/app/shared-too:
    target: /srv/app/shared
memcached: {reserve: {least: "10 MiB", most: "20 MiB"}, address: "10.0.0.1", port: 11212, config: /etc/mc.conf}
"""


@pytest.fixture
def expected(tmp_path: Path) -> Path:
    (tmp_path / "hosts").mkdir()
    (tmp_path / "roles").mkdir()
    (tmp_path / "fleet.yaml").write_text(_FLEET, encoding="ascii")
    (tmp_path / "hosts/ol-odd.yaml").write_text(_HOST, encoding="ascii")
    return tmp_path


def test_machine_conforms_to_every_option_of_expected_files(expected: Path) -> None:
    fleet = load(expected, CHECKERS)
    with simulated(fleet) as simulation:
        report = run_audit(fleet, simulation.ssh_config)
    assert not_ok(report.findings) == []
    assert {finding.check for finding in report.findings} >= {
        "certificate.expiry",
        "container.image",
        "container.mounts",
        "container.ports",
        "cron.files",
        "memcached.limit",
        "path.content",
        "path.forbidden",
        "path.mode",
        "path.owner",
        "path.type",
        "symlink.farm",
        "symlink.target",
    }


def test_memory_limit_is_that_of_the_page_if_the_rule_allows_it(expected: Path) -> None:
    text = _HOST.replace('least: "10 MiB", most: "20 MiB"', 'least: "256 MiB", most: "768 MiB"')
    (expected / "hosts/ol-odd.yaml").write_text(text, encoding="ascii")
    machine = build_machine(load(expected, CHECKERS).hosts["ol-odd"])
    assert dict(machine.memcached) == {("10.0.0.1", 11212): 9600 << 20}


def test_host_without_sections_is_a_bare_machine(expected: Path) -> None:
    (expected / "hosts/ol-odd.yaml").write_text("host: ol-odd\n", encoding="ascii")
    host = load(expected, CHECKERS).hosts["ol-odd"]
    machine = build_machine(host)
    assert (machine.hostname, machine.engine, dict(machine.memcached)) == ("ol-odd", None, {})
    assert plan(host, CHECKERS, select_checks(CHECKERS)) == ()
