"""A second, small lab: one host with systemd as process 1, and expected files with every section."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path

from tests.fleet.auditing import EXPECTED
from tests.fleet.host import LabHost
from tests.fleet.inventory import Machine, Role, compose
from tests.fleet.layout import LabLayout
from tests.fleet.processes import wait_for
from tests.fleet.restricted_files import SYSTEMD_HOST

LAYOUT = LabLayout("olaudit-lab-units", "olab7", IPv4Network("10.213.9.0/24"))
MACHINE = Machine(
    SYSTEMD_HOST,
    Role.DOCKER,
    "debian",
    (compose(SYSTEMD_HOST, "web"), compose(SYSTEMD_HOST, "web_nginx")),
    systemd=True,
)

_FLEET = """\
name: openlibrary
domain: us.archive.org
every_host: [every-host]
"""
# Together with the roles of the shipped files: every section of the language.
_HOST = f"""\
host: {SYSTEMD_HOST}
roles: [docker-host]

os: {{id: debian, version_id: "12"}}

dns: {{name: "{{host}}.{{domain}}"}}

containers:
  - {{service: web, name: openlibrary-web-1, hostname: docker-{SYSTEMD_HOST}-web-1}}
  - {{service: web_nginx, name: openlibrary-web_nginx-1, hostname: docker-{SYSTEMD_HOST}-web_nginx-1}}

certificates:
  folder: # as in the sudoers lines of docs/operating.md
    value: /var/lib/docker/volumes/openlibrary_letsencrypt-data/_data/live
    accept: [/etc/letsencrypt/live]
  days: 21
  container: openlibrary-web_nginx-1

paths:
  /etc/hostname: {{type: file, owner: root, mode: "0644"}}
  /opt/openlibrary/openlibrary/Readme.md:
    content: {{equals: /opt/openlibrary/deploys/openlibrary/openlibrary/Readme.md}}

cron: {{source: /opt/openlibrary/olsystem/etc/cron.d}}

memcached:
  reserve: {{least: "256 MiB", most: "768 MiB"}}
  config: /etc/memcached.conf
  address: 127.0.0.1
  port: 11211

packages:
  memcached: {{}}

postgres: {{hba: /etc/postgresql, clients: []}}

services: # running, missing, and only referenced by other units
  containerd: {{}}
  cron: {{}}
  memcached: {{}}
  ssh: {{}}
  nowhere: {{presence: optional}}
  auditd: {{presence: optional}}
"""


def write_expected(folder: Path) -> Path:
    """Write the expected files of the systemd host to a new folder."""
    shutil.copytree(EXPECTED / "roles", folder / "roles")
    (folder / "hosts").mkdir()
    (folder / "fleet.yaml").write_text(_FLEET, encoding="ascii")
    (folder / "hosts" / f"{SYSTEMD_HOST}.yaml").write_text(_HOST, encoding="ascii")
    return folder


@contextmanager
def stopped(host: LabHost, *units: str) -> Iterator[None]:
    """Stop units, and start them again at the end."""
    host.run("systemctl", "stop", *units)
    try:
        yield
    finally:
        host.run("systemctl", "reset-failed")
        host.run("systemctl", "start", *units)
        if "docker" in units:
            wait_for(lambda: running_containers(host) == len(host.containers), "the containers to run")


def running_containers(host: LabHost) -> int:
    """Count the running containers of a host."""
    return len(host.run("docker", "ps", "-q", check=False).stdout.split())
