"""Known incidents of the fleet, reproduced: each is exactly one finding.

The numbers are issues of internetarchive/openlibrary. The lab has no service manager: incidents with services are
evaluated from recorded answers in tests/checks.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fleet.auditing import DEPLOYS, EXPECTED, LabAuditor
from tests.fleet.host import LabHost
from tests.fleet.lab import Lab
from tests.fleet.processes import wait_for
from tests.fleet.restricted_files import CERTIFICATES, HBA_FILE, create_certificate

WEB = "openlibrary-web-1"
OLSYSTEM, OPENLIBRARY = f"{DEPLOYS}/olsystem/olsystem", f"{DEPLOYS}/openlibrary/openlibrary"
GIT = "git -c user.name=x -c user.email=x@example.org -c safe.directory='*' -C"


def script(do: str, undo: str) -> Any:
    return lambda host: host.drift(do, undo)


def commit(tree: str) -> Any:
    return script(
        f"{GIT} {tree} tag before && echo x >{tree}/new && {GIT} {tree} add new && {GIT} {tree} commit -qm new",
        f"{GIT} {tree} reset -q --hard before && {GIT} {tree} tag -d before",
    )


def with_changed_copy(path: str, change: str) -> Any:
    """Change a copy of a file and mount it over the original."""
    return script(
        f"cp {path} /.lab/copy && {change} /.lab/copy && mount --bind /.lab/copy {path}", f"umount {path}"
    )


@contextmanager
def expiring(host: LabHost) -> Iterator[None]:
    """Replace the certificate by one that expires in five days."""
    folder = host.folder / "root" / CERTIFICATES / "openlibrary.org"
    create_certificate(folder, days=5)
    try:
        yield
    finally:
        create_certificate(folder)


@contextmanager
def cron_stopped(host: LabHost) -> Iterator[None]:
    host.sh("kill $(cat /run/crond.pid)")
    try:
        yield
    finally:
        host.run("/usr/sbin/cron")


@contextmanager
def restart_loop(host: LabHost) -> Iterator[None]:
    """Make solr exit after every start, and wait until Docker has restarted it often enough."""
    count = ("docker", "inspect", "-f", "{{.RestartCount}}", "openlibrary_solr_1")
    with host.replaced_container("openlibrary_solr_1", command="sleep 0.2; exit 1"):
        wait_for(lambda: int(host.run(*count).stdout) > 3, "restarts")
        yield


@contextmanager
def unhealthy(host: LabHost) -> Iterator[None]:
    """Make the healthcheck of a container fail, and wait until Docker reports it."""
    name = "openlibrary-affiliate-server-1"
    with host.replaced_container(name, health="exit 1"):
        status = ("docker", "inspect", "-f", "{{.State.Health.Status}}", name)
        wait_for(lambda: host.run(*status).stdout.strip() == "unhealthy", "the healthcheck")
        yield


LATE_DATE = '#!/bin/sh\\nexec /.lab/date.real -d "1 minute" "$@"\\n'
NO_CHAIN = "iptables -D FORWARD -j DOCKER-USER; iptables -F DOCKER-USER; iptables -X DOCKER-USER"
CHAIN = "iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN; iptables -I FORWARD -j DOCKER-USER"

INCIDENTS = {
    # free disk under 2 GiB: #7393 #7395 #7977 #11333 #4326 #3778 #6404 #7362 #10082 #10739 #13549
    "disk full on a host without deploys": (
        "ol-db1",
        script("mount -t tmpfs -o size=1g none /1", "umount /1"),
        ("disk.free", "/1", "critical"),
    ),
    # restart loops: #7667 #3960 #9548 #4706
    "restart loop": (
        "ol-solr0",
        restart_loop,
        ("container.restarts", "openlibrary_solr_1", "critical"),
    ),
    "failing healthcheck": (
        "ol-home0",
        unhealthy,
        ("container.health", "openlibrary-affiliate-server-1", "critical"),
    ),
    "engine on bare metal": (
        "ol-backup0",
        script(
            "cp /usr/bin/sleep /.lab/dockerd && cd /.lab && setsid -f ./dockerd 300 >/dev/null 2>&1 </dev/null",
            "pkill -x dockerd",
        ),
        ("docker.absent", "docker", "warning"),
    ),
    # stopped manually: #5530
    "container stopped manually": (
        "ol-home0",
        script("docker stop -t 1 openlibrary-infobase-1", "docker start openlibrary-infobase-1"),
        ("container.state", "openlibrary-infobase-1", "critical"),
    ),
    # cron: #5100 #5145 #5263 #5402 #7369 #6069 #8710 #11661 #10206
    "cron file missing": (
        "ol-home0",
        script("mv /etc/cron.d/openlibrary /.lab/kept", "mv /.lab/kept /etc/cron.d/openlibrary"),
        ("cron.files", "/etc/cron.d/openlibrary", None),
    ),
    "cron daemon stopped": ("ol-home0", cron_stopped, ("cron.files", "cron", "critical")),
    # fleet agreement: #8361 #6083 #6069 #3993
    "stale olsystem on one host": ("ol-web2", commit(OLSYSTEM), ("fleet.git", None, "warning")),
    "stale openlibrary on one host": ("ol-web1", commit(OPENLIBRARY), ("fleet.tree", None, "warning")),
    "different olbase image on one host": (
        "ol-web1",
        script(
            f"docker tag openlibrary/olbase:latest kept && docker exec {WEB} touch /x"
            f" && docker commit {WEB} openlibrary/olbase:latest",
            "docker rmi openlibrary/olbase:latest; docker tag kept openlibrary/olbase:latest && docker rmi kept",
        ),
        ("fleet.image", None, "warning"),
    ),
    # the container's own hostname: #4457 #7590 #5009 #8091 #13198
    "hostname of a container": (
        "ol-covers0",
        lambda host: host.replaced_container("openlibrary-covers-1", hostname="ol-covers0"),
        ("container.hostname", "openlibrary-covers-1", "warning"),
    ),
    # forgotten hot patches: #9591 #9107 #8847 #11801
    "hot patch on a host": (
        "ol-web1",
        script(f"echo x >>{OPENLIBRARY}/Readme.md", f"{GIT} {OPENLIBRARY} checkout -q Readme.md"),
        ("git.dirty", OPENLIBRARY, "warning"),
    ),
    "hot patch in a container": (
        "ol-web1",
        script(
            f"docker exec {WEB} sh -c 'mkdir -p /openlibrary && echo x >/openlibrary/app.py'",
            f"docker exec {WEB} rm -r /openlibrary",
        ),
        ("container.modified", WEB, "warning"),
    ),
    "deploy replaced under a running container": (
        "ol-web1",
        script(
            f"mv {OLSYSTEM} {OLSYSTEM}.old && cp -a {OLSYSTEM}.old {OLSYSTEM}",
            f"rm -r {OLSYSTEM} && mv {OLSYSTEM}.old {OLSYSTEM}",
        ),
        ("container.stale-mount", WEB, "critical"),
    ),
    "repository missing": (
        "ol-web1",
        script(f"mv {OLSYSTEM}/.git /.lab/git", f"mv /.lab/git {OLSYSTEM}/.git"),
        ("git.revision", OLSYSTEM, None),
    ),
    # TLS: #6950 #3903 #8847
    "certificate about to expire": (
        "ol-www0",
        expiring,
        ("certificate.expiry", None, None),
    ),
    # firewall: #4706 #4723, 9ae741ba86
    "Docker's chain removed": (
        "ol-www0",
        script(NO_CHAIN, CHAIN),
        ("firewall.rules", "DOCKER-USER", "critical"),
    ),
    "ferm's file differs from olsystem's": (
        "ol-covers0",
        script(
            "rm /etc/ferm/ferm.conf && echo x >/etc/ferm/ferm.conf",
            "ln -sfn /opt/openlibrary/olsystem/etc/ferm/ferm.conf /etc/ferm/ferm.conf",
        ),
        ("firewall.rules", "/etc/ferm/ferm.conf", "warning"),
    ),
    # package versions agree: #7667 #7706 #11332
    "different Compose on one host": (
        "ol-web2",
        script(
            "mount -t tmpfs none /usr/local && mkdir /usr/local/bin && cd /usr/local/bin"
            " && printf '#!/bin/sh\\necho 1.29.2\\n' >docker-compose && chmod +x docker-compose",
            "umount /usr/local",
        ),
        ("fleet.version", None, "warning"),
    ),
    "git is not installed": (
        "ol-web2",
        with_changed_copy("/var/lib/dpkg/status", "sed -i 's/^Package: git$/Package: tig/'"),
        ("package.version", "git", "warning"),
    ),
    # retired names: #7920 #4203
    "retired name in /etc/hosts": (
        "ol-backup0",
        with_changed_copy("/etc/hosts", "sed -i '$a 10.0.0.3 ol-mem3'"),
        ("dns.retired", None, "warning"),
    ),
    # further statements of the wiki page
    "olsystem's file replaced by a different copy": (
        "ol-web1",
        script(
            "rm /etc/logrotate.d/openlibrary && echo x >/etc/logrotate.d/openlibrary",
            "ln -sfn /opt/openlibrary/olsystem/etc/logrotate.d/openlibrary /etc/logrotate.d/openlibrary",
        ),
        ("symlink.farm", None, None),
    ),
    "the developers' compose override": (
        "ol-web1",
        script(f"touch {OPENLIBRARY}/compose.override.yaml", f"rm {OPENLIBRARY}/compose.override.yaml"),
        ("path.forbidden", "/opt/openlibrary/openlibrary/compose.override.yaml", "critical"),
    ),
    "folder of a failed deploy": (
        "ol-web2",
        script("mkdir /opt/olsystem_new", "rmdir /opt/olsystem_new"),
        ("path.forbidden", "/opt/*_new", "warning"),
    ),
    "unlimited logs": (
        "ol-www0",
        lambda host: host.replaced_container("openlibrary-web_haproxy-1", logs_limited=False),
        ("container.logging", "openlibrary-web_haproxy-1", "warning"),
    ),
    "different release": (
        "ol-mem1",
        with_changed_copy("/etc/os-release", "sed -i 's/20.04/22.04/g; s/[Ff]ocal/jammy/g'"),
        ("host.os", None, "warning"),
    ),
    "wrong clock": (
        "ol-db2",
        script(
            f"cp /usr/bin/date /.lab/date.real && printf '{LATE_DATE}' >/.lab/date && chmod +x /.lab/date"
            " && mount --bind /.lab/date /usr/bin/date",
            "umount /usr/bin/date",
        ),
        ("clock.skew", None, "warning"),
    ),
    "database open to all clients": (
        "ol-db1",
        script(
            f"cp -p /{HBA_FILE} /.lab/hba && echo 'host all all 0.0.0.0/0 trust' >>/{HBA_FILE}",
            f"cp -p /.lab/hba /{HBA_FILE}",
        ),
        ("postgres.allow-list", "trust", "critical"),
    ),
    "client missing in the database's allow list": (
        "ol-db2",
        script(
            f"cp -p /{HBA_FILE} /.lab/hba && sed -i '/md5/{{x;s/^/x/;/^x$/{{x;d}};x}}' /{HBA_FILE}",
            f"cp -p /.lab/hba /{HBA_FILE}",
        ),
        ("postgres.allow-list", "ol-covers0.us.archive.org", "critical"),
    ),
}


@pytest.mark.parametrize("name", INCIDENTS)
def test_incident_is_one_finding_until_it_is_fixed(audit: LabAuditor, lab: Lab, name: str) -> None:
    host, incident, (check, subject, severity) = INCIDENTS[name]
    with incident(lab.hosts[host]):
        result = audit()
    drift = [finding for finding in result.report["findings"] if finding["verdict"] == "drift"]
    assert [(finding["host"], finding["check"]) for finding in drift] == [(host, check)], result.report["findings"]
    assert subject in {None, drift[0]["subject"]}
    assert severity in {None, drift[0]["severity"]}
    assert result.code == 1
    assert audit(host).code == 0


def test_retired_name_that_still_resolves_is_drift(audit: LabAuditor, dns_zone: dict[str, str]) -> None:
    dns_zone["ol-mem5.us.archive.org"] = "10.213.7.99"
    assert audit("ol-mem0").findings == [("ol-mem0", "dns.retired", "ol-mem5.us.archive.org", "drift")]


def test_without_sudo_only_checks_that_need_it_are_unknown(audit: LabAuditor, lab: Lab) -> None:
    with lab.hosts["ol-www0"].drift("mv /etc/sudoers /.lab/sudoers", "mv /.lab/sudoers /etc/sudoers"):
        result = audit("ol-www0")
    assert result.code == 3
    unknown = {(finding["check"], finding["verdict"]) for finding in result.report["findings"]}
    checks = ("certificate.expiry", "container.stale-mount", "firewall.rules")
    assert unknown == {(check, "unknown") for check in checks}
    assert all("needs sudo, which was refused: " in finding["message"] for finding in result.report["findings"])


@pytest.mark.parametrize(
    ("fake_program", "reason"),
    [
        ("printf '#!/bin/sh\\nexec sleep 60\\n'", "df gave no answer within 10 s and was terminated"),
        ("printf '#!/nonexistent\\n'", "command not found: df"),
    ],
    ids=["hanging", "missing"],
)
def test_failing_command_makes_only_its_own_check_unknown(
    audit: LabAuditor, lab: Lab, fake_program: str, reason: str
) -> None:
    fake = f"{fake_program} >/.lab/df && chmod +x /.lab/df && mount --bind /.lab/df /usr/bin/df"
    with lab.hosts["ol-db1"].drift(fake, "umount /usr/bin/df"):
        result = audit("ol-db1")
    assert {(finding[1], finding[3]) for finding in result.findings} == {("disk.free", "unknown")}
    assert {finding["message"] for finding in result.report["findings"]} == {reason}


@pytest.fixture
def extended(audit: LabAuditor, tmp_path: Path) -> Any:
    """Return a function that audits a host with additional lines in its expected file."""

    def audit_with(host: str, lines: str) -> list[tuple[str, str, str, str]]:
        expected = tmp_path / "expected"
        shutil.copytree(EXPECTED, expected, dirs_exist_ok=True)
        file = expected / "hosts" / f"{host}.yaml"
        file.write_text((EXPECTED / "hosts" / f"{host}.yaml").read_text() + lines)
        return LabAuditor(audit.lab, audit.capsys, expected)(host).findings

    return audit_with


ADDITIONAL_LINES = {
    "path.owner": "paths: {/opt/petabox: {owner: %s}}",
    "path.mode": 'paths: {/opt/petabox: {mode: "%s"}}',
    "path.type": "paths: {/opt/petabox: {type: %s}}",
    "path.content": "paths: {/etc/hostname: {type: file, content: {equals: %s}}}",
    "container.image": "container_defaults: {image: %s}",
    "container.mounts": 'container_defaults: {mounts: ["%s:/olsystem:ro"]}',
    "container.ports": "container_defaults: {ports: [%s]}",
    "dns.address": "dns: {name: ol-web1.us.archive.org, address: %s}",
}
VALUES = {  # (conforming, drifting)
    "path.owner": ("root", "audit"),
    "path.mode": ("0755", "0700"),
    "path.type": ("directory", "file"),
    "path.content": ("/etc/hostname", "/etc/hosts"),
    "container.image": ("openlibrary/olbase:latest", "openlibrary/olbase:old"),
    "container.mounts": ("/opt/openlibrary/olsystem", "/opt/olsystem"),
    "container.ports": ("", '"8080:8080/tcp"'),
    "dns.address": ("audited", '"10.213.7.250"'),
}


@pytest.mark.parametrize("check", ADDITIONAL_LINES)
def test_additional_expectations_are_evaluated(extended: Any, check: str) -> None:
    right, wrong = VALUES[check]
    assert extended("ol-web1", f"\n{ADDITIONAL_LINES[check] % right}\n") == []
    findings = extended("ol-web1", f"\n{ADDITIONAL_LINES[check] % wrong}\n")
    assert [(finding[1], finding[3]) for finding in findings] == [(check, "drift")]
