"""What has hurt the people who run the fleet: each kind of incident, made anew, is one finding that says it.

The numbers are issues of internetarchive/openlibrary. What the lab cannot run (an init that knows of services) is
judged from recorded answers in tests/checks.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fleet.auditing import DEPLOYS, EXPECTED, Auditor
from tests.fleet.host import LabHost
from tests.fleet.lab import Lab
from tests.fleet.processes import wait_for
from tests.fleet.root_only import HBA, LIVE, certificate

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


def covered(path: str, change: str) -> Any:
    """Change a copy of a file, and put it over the original as long as it lasts."""
    return script(
        f"cp {path} /.lab/copy && {change} /.lab/copy && mount --bind /.lab/copy {path}", f"umount {path}"
    )


@contextmanager
def expiring(host: LabHost) -> Iterator[None]:
    """Let the certificate have five days left."""
    live = host.folder / "root" / LIVE / "openlibrary.org"
    certificate(live, days=5)
    try:
        yield
    finally:
        certificate(live)


@contextmanager
def cron_dead(host: LabHost) -> Iterator[None]:
    host.sh("kill $(cat /run/crond.pid)")
    try:
        yield
    finally:
        host.run("/usr/sbin/cron")


@contextmanager
def looping(host: LabHost) -> Iterator[None]:
    """Let solr die at every start, and wait until Docker has started it often enough."""
    count = ("docker", "inspect", "-f", "{{.RestartCount}}", "openlibrary_solr_1")
    with host.replacing("openlibrary_solr_1", command="sleep 0.2; exit 1"):
        wait_for(lambda: int(host.run(*count).stdout) > 3, "restarts")
        yield


@contextmanager
def unhealthy(host: LabHost) -> Iterator[None]:
    """Let a container's own healthcheck fail, and wait until Docker has noticed."""
    name = "openlibrary-affiliate-server-1"
    with host.replacing(name, health="exit 1"):
        status = ("docker", "inspect", "-f", "{{.State.Health.Status}}", name)
        wait_for(lambda: host.run(*status).stdout.strip() == "unhealthy", "the healthcheck")
        yield


LATE_DATE = '#!/bin/sh\\nexec /.lab/date.real -d "1 minute" "$@"\\n'
NO_CHAIN = "iptables -D FORWARD -j DOCKER-USER; iptables -F DOCKER-USER; iptables -X DOCKER-USER"
CHAIN = "iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN; iptables -I FORWARD -j DOCKER-USER"

INCIDENTS = {
    # free disk under 2 GiB: #7393 #7395 #7977 #11333 #4326 #3778 #6404 #7362 #10082 #10739 #13549
    "disk full on a host that no deploy looks at": (
        "ol-db1",
        script("mount -t tmpfs -o size=1g none /1", "umount /1"),
        ("disk.free", "/1", "critical"),
    ),
    # restart loops: #7667 #3960 #9548 #4706
    "restart loop": (
        "ol-solr0",
        looping,
        ("container.restarts", "openlibrary_solr_1", "critical"),
    ),
    "a healthcheck that fails": (
        "ol-home0",
        unhealthy,
        ("container.health", "openlibrary-affiliate-server-1", "critical"),
    ),
    "an engine on bare metal": (
        "ol-backup0",
        script(
            "cp /usr/bin/sleep /.lab/dockerd && cd /.lab && setsid -f ./dockerd 300 >/dev/null 2>&1 </dev/null",
            "pkill -x dockerd",
        ),
        ("docker.absent", "docker", "warning"),
    ),
    # somebody stopped it by hand: #5530
    "stopped by hand": (
        "ol-home0",
        script("docker stop -t 1 openlibrary-infobase-1", "docker start openlibrary-infobase-1"),
        ("container.state", "openlibrary-infobase-1", "critical"),
    ),
    # cron: #5100 #5145 #5263 #5402 #7369 #6069 #8710 #11661 #10206
    "cron file gone": (
        "ol-home0",
        script("mv /etc/cron.d/openlibrary /.lab/kept", "mv /.lab/kept /etc/cron.d/openlibrary"),
        ("cron.files", "/etc/cron.d/openlibrary", None),
    ),
    "cron daemon dead": ("ol-home0", cron_dead, ("cron.files", "cron", "critical")),
    # fleet agreement: #8361 #6083 #6069 #3993
    "stale olsystem on one host": ("ol-web2", commit(OLSYSTEM), ("fleet.git", None, "warning")),
    "stale openlibrary on one host": ("ol-web1", commit(OPENLIBRARY), ("fleet.tree", None, "warning")),
    "another olbase on one host": (
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
        lambda host: host.replacing("openlibrary-covers-1", hostname="ol-covers0"),
        ("container.hostname", "openlibrary-covers-1", "warning"),
    ),
    # hot patches left behind: #9591 #9107 #8847 #11801
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
    "a deploy moved away under a running container": (
        "ol-web1",
        script(
            f"mv {OLSYSTEM} {OLSYSTEM}.old && cp -a {OLSYSTEM}.old {OLSYSTEM}",
            f"rm -r {OLSYSTEM} && mv {OLSYSTEM}.old {OLSYSTEM}",
        ),
        ("container.stale-mount", WEB, "critical"),
    ),
    "no repository any more": (
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
    "Docker's chain swept away": (
        "ol-www0",
        script(NO_CHAIN, CHAIN),
        ("firewall.rules", "DOCKER-USER", "critical"),
    ),
    "ferm's file is not olsystem's": (
        "ol-covers0",
        script(
            "rm /etc/ferm/ferm.conf && echo x >/etc/ferm/ferm.conf",
            "ln -sfn /opt/openlibrary/olsystem/etc/ferm/ferm.conf /etc/ferm/ferm.conf",
        ),
        ("firewall.rules", "/etc/ferm/ferm.conf", "warning"),
    ),
    # package versions agree: #7667 #7706 #11332
    "another Compose on one host": (
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
        covered("/var/lib/dpkg/status", "sed -i 's/^Package: git$/Package: tig/'"),
        ("package.version", "git", "warning"),
    ),
    # retired names: #7920 #4203
    "a retired name in /etc/hosts": (
        "ol-backup0",
        covered("/etc/hosts", "sed -i '$a 10.0.0.3 ol-mem3'"),
        ("dns.retired", None, "warning"),
    ),
    # and what the page says besides
    "olsystem's file replaced by a copy that differs": (
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
    "left by a deploy that failed": (
        "ol-web2",
        script("mkdir /opt/olsystem_new", "rmdir /opt/olsystem_new"),
        ("path.forbidden", "/opt/*_new", "warning"),
    ),
    "uncapped logs": (
        "ol-www0",
        lambda host: host.replacing("openlibrary-web_haproxy-1", capped=False),
        ("container.logging", "openlibrary-web_haproxy-1", "warning"),
    ),
    "another release": (
        "ol-mem1",
        covered("/etc/os-release", "sed -i 's/20.04/22.04/g; s/[Ff]ocal/jammy/g'"),
        ("host.os", None, "warning"),
    ),
    "a clock that is wrong": (
        "ol-db2",
        script(
            f"cp /usr/bin/date /.lab/date.real && printf '{LATE_DATE}' >/.lab/date && chmod +x /.lab/date"
            " && mount --bind /.lab/date /usr/bin/date",
            "umount /usr/bin/date",
        ),
        ("clock.skew", None, "warning"),
    ),
    "a database open to everybody": (
        "ol-db1",
        script(
            f"cp -p /{HBA} /.lab/hba && echo 'host all all 0.0.0.0/0 trust' >>/{HBA}", f"cp -p /.lab/hba /{HBA}"
        ),
        ("postgres.allow-list", "trust", "critical"),
    ),
    "a client that the database does not let in": (
        "ol-db2",
        script(
            f"cp -p /{HBA} /.lab/hba && sed -i '/md5/{{x;s/^/x/;/^x$/{{x;d}};x}}' /{HBA}",
            f"cp -p /.lab/hba /{HBA}",
        ),
        ("postgres.allow-list", "ol-covers0.us.archive.org", "critical"),
    ),
}


@pytest.mark.parametrize("name", INCIDENTS)
def test_an_incident_is_one_finding_and_goes_when_mended(audit: Auditor, lab: Lab, name: str) -> None:
    host, incident, (check, subject, severity) = INCIDENTS[name]
    with incident(lab.hosts[host]):
        audited = audit()
    drift = [one for one in audited.report["findings"] if one["verdict"] == "drift"]
    assert [(one["host"], one["check"]) for one in drift] == [(host, check)], audited.report["findings"]
    assert subject in {None, drift[0]["subject"]}
    assert severity in {None, drift[0]["severity"]}
    assert audited.code == 1
    assert audit(host).code == 0


def test_a_retired_name_that_still_resolves_is_a_finding(audit: Auditor, names: dict[str, str]) -> None:
    names["ol-mem5.us.archive.org"] = "10.213.7.99"
    assert audit("ol-mem0").findings == [("ol-mem0", "dns.retired", "ol-mem5.us.archive.org", "drift")]


def test_without_rights_just_what_needs_them_is_unknown(audit: Auditor, lab: Lab) -> None:
    with lab.hosts["ol-www0"].drift("mv /etc/sudoers /.lab/sudoers", "mv /.lab/sudoers /etc/sudoers"):
        audited = audit("ol-www0")
    assert audited.code == 3
    unknown = {(one["check"], one["verdict"]) for one in audited.report["findings"]}
    checks = ("certificate.expiry", "container.stale-mount", "firewall.rules")
    assert unknown == {(check, "unknown") for check in checks}
    assert all("needs sudo there, and was refused: " in one["message"] for one in audited.report["findings"])


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("printf '#!/bin/sh\\nexec sleep 60\\n'", "df gave no answer within 10 s and was ended"),
        ("printf '#!/nonexistent\\n'", "no such command there: df"),
    ],
    ids=["hangs", "is missing"],
)
def test_a_command_that_hangs_or_is_missing_costs_its_own_check_alone(
    audit: Auditor, lab: Lab, how: str, reason: str
) -> None:
    fake = f"{how} >/.lab/df && chmod +x /.lab/df && mount --bind /.lab/df /usr/bin/df"
    with lab.hosts["ol-db1"].drift(fake, "umount /usr/bin/df"):
        audited = audit("ol-db1")
    assert {(one[1], one[3]) for one in audited.findings} == {("disk.free", "unknown")}
    assert {one["message"] for one in audited.report["findings"]} == {reason}


@pytest.fixture
def extended(audit: Auditor, tmp_path: Path) -> Any:
    """Audit one host that is to be something more than the shipped files say of it."""

    def audit_with(host: str, lines: str) -> list[tuple[str, str, str, str]]:
        expected = tmp_path / "expected"
        shutil.copytree(EXPECTED, expected, dirs_exist_ok=True)
        file = expected / "hosts" / f"{host}.yaml"
        file.write_text((EXPECTED / "hosts" / f"{host}.yaml").read_text() + lines)
        return Auditor(audit.lab, audit.capsys, expected)(host).findings

    return audit_with


MORE = {
    "path.owner": "paths: {/opt/petabox: {owner: %s}}",
    "path.mode": 'paths: {/opt/petabox: {mode: "%s"}}',
    "path.type": "paths: {/opt/petabox: {type: %s}}",
    "path.content": "paths: {/etc/hostname: {type: file, content: {equals: %s}}}",
    "container.image": "container_defaults: {image: %s}",
    "container.mounts": 'container_defaults: {mounts: ["%s:/olsystem:ro"]}',
    "container.ports": "container_defaults: {ports: [%s]}",
    "dns.address": "dns: {name: ol-web1.us.archive.org, address: %s}",
}
RIGHT_AND_WRONG = {
    "path.owner": ("root", "audit"),
    "path.mode": ("0755", "0700"),
    "path.type": ("directory", "file"),
    "path.content": ("/etc/hostname", "/etc/hosts"),
    "container.image": ("openlibrary/olbase:latest", "openlibrary/olbase:old"),
    "container.mounts": ("/opt/openlibrary/olsystem", "/opt/olsystem"),
    "container.ports": ("", '"8080:8080/tcp"'),
    "dns.address": ("audited", '"10.213.7.250"'),
}


@pytest.mark.parametrize("check", MORE)
def test_what_the_shipped_files_do_not_ask_is_judged_too_where_it_is_asked(extended: Any, check: str) -> None:
    right, wrong = RIGHT_AND_WRONG[check]
    assert extended("ol-web1", f"\n{MORE[check] % right}\n") == []
    found = extended("ol-web1", f"\n{MORE[check] % wrong}\n")
    assert [(one[1], one[3]) for one in found] == [(check, "drift")]
