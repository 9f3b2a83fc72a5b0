"""An audit leaves a real host as it was: units, processes, containers, files, rules, sockets, settings.

The host runs systemd as process 1 and Debian's own units, among them docker.socket: whoever connects to Docker's
socket starts the engine, and with it the containers.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fleet import snapshot
from tests.fleet.auditing import Audited, Auditor
from tests.fleet.errors import LabError
from tests.fleet.host import LabHost
from tests.fleet.lab import Lab
from tests.fleet.processes import wait_for
from tests.fleet.unit_host import running_containers, stopped
from tests.fleet.units import SERVICES

JOURNAL = "file /run/log/journal/0123456789abcdef0123456789abcdef/system.journal"
"""What sshd and sudo log of every login and every command goes here: the one file that an audit may change."""
INIT_LAYER = re.compile(r"file /var/lib/docker/overlay2/[0-9a-f]{64}-init")
"""To say what was changed in a container, an engine mounts its init layer, below this folder, for a moment.

Only the times of the folder itself differ; what is in it is compared like everything else.
"""
LOGGED = re.compile(
    r"(sshd|sudo): .*|cron: \(CRON\) STAT FAILED .*"
    r"|systemd: var-lib-docker-overlay2-.*-merged\.mount: Deactivated successfully\."
)
"""What may be in the journal after an audit: logins, commands by sudo, cron's own complaint, and that mount."""


def quiet(host: LabHost) -> snapshot.Snapshot:
    """Take a snapshot once nothing changes by itself any more: systemd sees the end of mounts a little later."""
    until = time.monotonic() + 20
    before = snapshot.take(host)
    while time.monotonic() < until:
        time.sleep(0.4)
        now = snapshot.take(host)
        if not snapshot.differences(before, now):
            return now
        before = now
    raise LabError("the host does not come to rest")


def changed(host: LabHost, before: snapshot.Snapshot) -> dict[str, tuple[str, str]]:
    """Give what differs from before, once sshd's processes of the audit's own connection have ended."""
    until = time.monotonic() + 5
    while True:
        found = snapshot.differences(before, snapshot.take(host))
        found = {key: pair for key, pair in found.items() if key != JOURNAL and not INIT_LAYER.fullmatch(key)}
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.2)


def logged(host: LabHost, cursor: str) -> list[str]:
    """Give what was written to the journal after `cursor`, and by whom."""
    text = host.run("journalctl", "--no-pager", f"--after-cursor={cursor}", "-o", "json").stdout
    entries = map(json.loads, text.splitlines())
    return [f"{one.get('SYSLOG_IDENTIFIER')}: {one['MESSAGE']}" for one in entries]


def cursor_of(host: LabHost) -> str:
    return host.run("journalctl", "-n", "0", "--show-cursor").stdout.rpartition("-- cursor: ")[2].strip()


def audited_without_trace(host: LabHost, audit: Auditor) -> Audited:
    """Audit with all checks, and hold everything that an audit could change against what it was before."""
    before, cursor = quiet(host), cursor_of(host)
    audited = audit("--all")
    time.sleep(0.5)  # for what goes on in the background, like mail from sudo
    differing = changed(host, before)
    assert list(differing) == [], "\n".join(map(str, differing.items()))[:4000]
    assert [entry for entry in logged(host, cursor) if not LOGGED.fullmatch(entry)] == []
    return audited


# --- the host ------------------------------------------------------------------------------------------------


def test_real_units_run_and_only_listed_ones_exist(host: LabHost) -> None:
    assert host.run("cat", "/proc/1/comm").stdout == "systemd\n"
    assert host.run("systemctl", "is-active", *SERVICES, "docker.socket").stdout.split() == ["active"] * 6
    assert host.run("systemctl", "--failed", "--no-legend").stdout == ""
    files = host.run("systemctl", "list-unit-files", "--no-legend", "--plain").stdout
    assert "udev" not in files
    assert "sysctl" not in files


def test_the_host_cannot_set_what_the_machine_shares(host: LabHost) -> None:
    for path in ("/proc/sys/kernel/panic", "/proc/sys/fs/file-max", "/sys/kernel/uevent_seqnum", "/usr/bin/x"):
        assert host.sh(f"echo 1 >{path}", check=False).returncode != 0
    assert host.run("uname", "-n").stdout != Path("/proc/sys/kernel/hostname").read_text(encoding="ascii")


def test_connecting_to_docker_starts_a_stopped_engine(host: LabHost) -> None:
    """The fault that the next tests guard against is real here."""
    with stopped(host, "docker"):
        assert host.run("systemctl", "is-active", "docker", "docker.socket", check=False).stdout.split() == [
            "inactive",
            "active",
        ]
        before = quiet(host)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(str(host.docker_socket))
        wait_for(host.engine_answers, "the engine to be started by its socket")
        wait_for(lambda: running_containers(host) == len(host.containers), "its containers to be started")
        started = snapshot.differences(before, snapshot.take(host))
        assert {"unit docker.service", "container /openlibrary-web-1"} <= started.keys()


def test_the_snapshot_sees_a_file_that_is_written_and_restored(host: LabHost) -> None:
    before = quiet(host)
    host.sh("cp -a /etc/hosts /etc/kept && echo x >>/etc/hosts && cat /etc/kept >/etc/hosts && rm /etc/kept")
    host.sh("touch -r /etc/hostname /etc/hosts")
    assert {"file /etc/hosts", "file /etc"} <= snapshot.differences(before, snapshot.take(host)).keys()


# --- the audit -----------------------------------------------------------------------------------------------


def test_an_audit_changes_nothing_on_a_running_host(host: LabHost, audit_units: Auditor) -> None:
    audited = audited_without_trace(host, audit_units)
    assert [one for one in audited.findings if one[3] != "ok"] == []
    assert audited.code == 0
    assert {one[1].partition(".")[0] for one in audited.findings} >= CHECKERS


# All kinds but fleet, whose questions are asked too: with one host there is nothing that could disagree.
CHECKERS = {
    *("certificate", "clock", "container", "cron", "disk", "dns", "docker", "firewall", "git", "host"),
    *("memcached", "package", "path", "postgres", "service", "symlink"),
}


def test_an_audit_leaves_a_stopped_engine_stopped(host: LabHost, audit_units: Auditor) -> None:
    with stopped(host, "docker"):
        audited = audited_without_trace(host, audit_units)
    verdicts = {(check, subject): verdict for _host, check, subject, verdict in audited.findings}
    assert verdicts["docker.engine", "docker"] == "drift"
    assert verdicts["service.state", "docker"] == "drift"
    containers = {verdict for (check, _subject), verdict in verdicts.items() if check.startswith("container.")}
    assert containers == {"unknown"}
    assert audited.code == 1


DOCUMENTED = "Defaults:audit !mail_badpass, !mail_no_user"
"""The first of the lines for sudo in docs/operating.md; test_docs.py holds the rest to be valid."""


@contextmanager
def sudoers(host: LabHost, *lines: str) -> Iterator[None]:
    """Give the host these lines, below those of Debian that matter here."""
    text = "\n".join(("Defaults mail_badpass", "root ALL=(ALL) ALL", *lines))
    do = f"mv /etc/sudoers /etc/kept && echo '{text}' >/etc/sudoers && chmod 440 /etc/sudoers"
    with host.drift(do, "mv /etc/kept /etc/sudoers; rm -f /var/tmp/mail.lab"):
        yield


def test_a_refused_sudo_leaves_no_ticket(host: LabHost, audit_units: Auditor) -> None:
    """And no mail, with the documented first line."""
    with sudoers(host, DOCUMENTED, "audit ALL=(root) NOPASSWD: /usr/bin/true"):
        audited = audited_without_trace(host, audit_units)
    verdicts = {check: verdict for _host, check, _subject, verdict in audited.findings}
    assert verdicts["certificate.expiry"] == verdicts["postgres.allow-list"] == "unknown"


def test_sudo_would_mail_without_the_documented_line(host: LabHost, unit_lab: Lab) -> None:
    with sudoers(host, "audit ALL=(root) NOPASSWD: /usr/bin/true"):
        assert unit_lab.ssh(host.name, "sudo -n -k -- id").returncode == 1
        wait_for(lambda: "SECURITY" in host.sh("cat /var/tmp/mail.lab", check=False).stdout, "sudo's mail")


def test_an_audit_starts_nothing_where_most_services_are_down(host: LabHost, audit_units: Auditor) -> None:
    """The message bus among them: systemctl would start it by connecting, so the services are unknown."""
    with stopped(host, "docker", "containerd", "memcached", "cron", "dbus"):
        audited = audited_without_trace(host, audit_units)
    services = {verdict for _host, check, _subject, verdict in audited.findings if check == "service.state"}
    assert services == {"unknown"}
    assert ("memcached.running", "memcached", "drift") in [one[1:] for one in audited.findings]


# --- automount points ------------------------------------------------------------------------------------------

MADE = """
cd /etc/systemd/system &&
printf '[Mount]\\nWhat=lab\\nWhere=/1\\nType=tmpfs\\nOptions=size=3g,nr_inodes=90k\\n' >1.mount &&
printf '[Automount]\\nWhere=/1\\n' >1.automount &&
ln -s /1/data /opt/data && systemctl daemon-reload && systemctl start 1.automount
"""
UNMADE = """
systemctl stop 1.automount 1.mount; cd /etc/systemd/system && rm -f 1.mount 1.automount /opt/data
systemctl daemon-reload; systemctl reset-failed
"""
BELOW = {"path": "/opt/data", "symlink": "/opt/data", "disk": "/1"}
"""A check and a subject of each section whose answer lies on the automount."""
REASON = "/1 is an automount point that is not mounted"


def states(host: LabHost) -> list[str]:
    """Give the states of the automount and of its mount."""
    return host.run("systemctl", "is-active", "1.automount", "1.mount", check=False).stdout.split()


@pytest.fixture
def automount(host: LabHost, audit_units: Auditor) -> Iterator[Auditor]:
    """Give the host an automount unit for /1, as x-systemd.automount does, and expect something on it."""
    expected = audit_units.expected / "hosts" / f"{host.name}.yaml"
    text = expected.read_text(encoding="ascii")
    text = text.replace("\npaths:\n", "\npaths:\n  /opt/data: {type: directory}\n")
    text += "symlinks:\n  /opt/data: {target: /1/data}\n"
    expected.write_text(text, encoding="ascii")
    with host.drift(MADE, UNMADE):
        yield audit_units


def test_asking_for_free_space_mounts_an_automount(host: LabHost, automount: Auditor) -> None:
    """The fault that the next test guards against is real here."""
    assert automount.expected.is_dir()
    assert states(host) == ["active", "inactive"]
    assert host.run("stat", "-f", "/1").returncode == 0
    assert states(host) == ["active", "active"]


@pytest.mark.parametrize("probe", ["df /1", "ls /1", "cat /1/x", "stat -L /opt/data", "find /1/ -maxdepth 1"])
def test_every_way_through_an_automount_mounts_it(host: LabHost, automount: Auditor, probe: str) -> None:
    assert automount.expected.is_dir()
    assert states(host) == ["active", "inactive"]
    host.sh(probe, check=False)
    assert states(host) == ["active", "active"]


def test_an_audit_mounts_no_automount(host: LabHost, automount: Auditor) -> None:
    audited = audited_without_trace(host, automount)
    assert states(host) == ["active", "inactive"]
    findings = {(item["check"].partition(".")[0], item["subject"]): item for item in audited.report["findings"]}
    for below in BELOW.items():
        assert findings[below]["verdict"] == "unknown"
        assert REASON in str(findings[below])
    assert {verdict for *_, verdict in audited.findings} == {"ok", "unknown"}
    # one probe asks for all paths, and one for all links: they are unknown together
    unknown = {check.partition(".")[0] for _, check, _, verdict in audited.findings if verdict == "unknown"}
    assert unknown == BELOW.keys()
    assert audited.code == 3


def test_an_audit_without_the_guard_mounts_it(
    host: LabHost, automount: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("olaudit.transport.batch.GUARD", "")
    assert states(host) == ["active", "inactive"]
    automount("--all")
    assert states(host) == ["active", "active"]


def test_a_mounted_automount_is_audited_like_any_mount(host: LabHost, automount: Auditor) -> None:
    host.run("mkdir", "/1/data")
    assert states(host) == ["active", "active"]
    audited = audited_without_trace(host, automount)
    verdicts = {(check.partition(".")[0], subject): verdict for _, check, subject, verdict in audited.findings}
    assert [verdicts[below] for below in BELOW.items()] == ["ok"] * 3
    assert {verdict for *_, verdict in audited.findings} == {"ok"}
