"""An audit does not change a real host: units, processes, containers, files, rules, sockets, settings.

The host runs systemd as process 1 and Debian's units, including docker.socket: a connection to Docker's socket
starts the engine, and with it the containers.
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
from tests.fleet.auditing import AuditResult, LabAuditor
from tests.fleet.errors import LabError
from tests.fleet.host import LabHost
from tests.fleet.lab import Lab
from tests.fleet.processes import wait_for
from tests.fleet.systemd_host import running_containers, stopped
from tests.fleet.units import SERVICES

JOURNAL = "file /run/log/journal/0123456789abcdef0123456789abcdef/system.journal"
"""The journal, where sshd and sudo log every login and command: the only file that an audit may change."""
INIT_LAYER = re.compile(r"file /var/lib/docker/overlay2/[0-9a-f]{64}-init")
"""To list the changed files of a container, an engine mounts its init layer below this folder for a moment.

Only the times of the folder itself differ; its content is compared like all other files.
"""
LOGGED = re.compile(
    r"(sshd|sudo): .*|cron: \(CRON\) STAT FAILED .*"
    r"|systemd: var-lib-docker-overlay2-.*-merged\.mount: Deactivated successfully\."
)
"""Journal entries that an audit may cause: logins, commands by sudo, cron's message, and that mount."""


def stable_snapshot(host: LabHost) -> snapshot.Snapshot:
    """Take a snapshot once the host no longer changes by itself: systemd notices the end of mounts late."""
    until = time.monotonic() + 20
    before = snapshot.take(host)
    while time.monotonic() < until:
        time.sleep(0.4)
        now = snapshot.take(host)
        if not snapshot.differences(before, now):
            return now
        before = now
    raise LabError("the host keeps changing by itself")


def changed(host: LabHost, before: snapshot.Snapshot) -> dict[str, tuple[str, str]]:
    """Return the differences from `before` once sshd's processes of the audit's connection have ended."""
    until = time.monotonic() + 5
    while True:
        pairs = snapshot.differences(before, snapshot.take(host))
        pairs = {key: pair for key, pair in pairs.items() if key != JOURNAL and not INIT_LAYER.fullmatch(key)}
        if not pairs or time.monotonic() > until:
            return pairs
        time.sleep(0.2)


def logged(host: LabHost, cursor: str) -> list[str]:
    """Return the journal entries after `cursor` as "IDENTIFIER: MESSAGE"."""
    text = host.run("journalctl", "--no-pager", f"--after-cursor={cursor}", "-o", "json").stdout
    entries = map(json.loads, text.splitlines())
    return [f"{entry.get('SYSLOG_IDENTIFIER')}: {entry['MESSAGE']}" for entry in entries]


def cursor_of(host: LabHost) -> str:
    return host.run("journalctl", "-n", "0", "--show-cursor").stdout.rpartition("-- cursor: ")[2].strip()


def audit_without_change(host: LabHost, audit: LabAuditor) -> AuditResult:
    """Run all checks and assert that the host and its journal are unchanged."""
    before, cursor = stable_snapshot(host), cursor_of(host)
    result = audit("--all")
    time.sleep(0.5)  # for background work, like mail from sudo
    differing = changed(host, before)
    assert list(differing) == [], "\n".join(map(str, differing.items()))[:4000]
    assert [entry for entry in logged(host, cursor) if not LOGGED.fullmatch(entry)] == []
    return result


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
    """Verify the side effect that the next tests exclude."""
    with stopped(host, "docker"):
        assert host.run("systemctl", "is-active", "docker", "docker.socket", check=False).stdout.split() == [
            "inactive",
            "active",
        ]
        before = stable_snapshot(host)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(str(host.docker_socket))
        wait_for(host.engine_answers, "the engine to be started by its socket")
        wait_for(lambda: running_containers(host) == len(host.containers), "its containers to be started")
        started = snapshot.differences(before, snapshot.take(host))
        assert {"unit docker.service", "container /openlibrary-web-1"} <= started.keys()


def test_snapshot_shows_a_file_that_is_written_and_restored(host: LabHost) -> None:
    before = stable_snapshot(host)
    host.sh("cp -a /etc/hosts /etc/kept && echo x >>/etc/hosts && cat /etc/kept >/etc/hosts && rm /etc/kept")
    host.sh("touch -r /etc/hostname /etc/hosts")
    assert {"file /etc/hosts", "file /etc"} <= snapshot.differences(before, snapshot.take(host)).keys()


# --- the audit -----------------------------------------------------------------------------------------------


def test_an_audit_changes_nothing_on_a_running_host(host: LabHost, audit_units: LabAuditor) -> None:
    result = audit_without_change(host, audit_units)
    assert [finding for finding in result.findings if finding[3] != "ok"] == []
    assert result.code == 0
    assert {finding[1].partition(".")[0] for finding in result.findings} >= CHECKERS


# All prefixes of check ids except fleet: its probes run too, but a single host has no other to differ from.
CHECKERS = {
    *("certificate", "clock", "container", "cron", "disk", "dns", "docker", "firewall", "git", "host"),
    *("memcached", "package", "path", "postgres", "service", "symlink"),
}


def test_an_audit_leaves_a_stopped_engine_stopped(host: LabHost, audit_units: LabAuditor) -> None:
    with stopped(host, "docker"):
        result = audit_without_change(host, audit_units)
    verdicts = {(check, subject): verdict for _host, check, subject, verdict in result.findings}
    assert verdicts["docker.engine", "docker"] == "drift"
    assert verdicts["service.state", "docker"] == "drift"
    containers = {verdict for (check, _subject), verdict in verdicts.items() if check.startswith("container.")}
    assert containers == {"unknown"}
    assert result.code == 1


DOCUMENTED = "Defaults:audit !mail_badpass, !mail_no_user"
"""The first of the sudoers lines in docs/operating.md; test_docs.py validates the others."""


@contextmanager
def sudoers(host: LabHost, *lines: str) -> Iterator[None]:
    """Replace the host's sudoers by the relevant lines of Debian and `lines`."""
    text = "\n".join(("Defaults mail_badpass", "root ALL=(ALL) ALL", *lines))
    do = f"mv /etc/sudoers /etc/kept && echo '{text}' >/etc/sudoers && chmod 440 /etc/sudoers"
    with host.drift(do, "mv /etc/kept /etc/sudoers; rm -f /var/tmp/mail.lab"):
        yield


def test_a_refused_sudo_leaves_no_ticket(host: LabHost, audit_units: LabAuditor) -> None:
    """With the documented first line it sends no mail either."""
    with sudoers(host, DOCUMENTED, "audit ALL=(root) NOPASSWD: /usr/bin/true"):
        result = audit_without_change(host, audit_units)
    verdicts = {check: verdict for _host, check, _subject, verdict in result.findings}
    assert verdicts["certificate.expiry"] == verdicts["postgres.allow-list"] == "unknown"


def test_sudo_would_mail_without_the_documented_line(host: LabHost, unit_lab: Lab) -> None:
    with sudoers(host, "audit ALL=(root) NOPASSWD: /usr/bin/true"):
        assert unit_lab.ssh(host.name, "sudo -n -k -- id").returncode == 1
        wait_for(lambda: "SECURITY" in host.sh("cat /var/tmp/mail.lab", check=False).stdout, "sudo's mail")


def test_an_audit_starts_nothing_where_most_services_are_down(host: LabHost, audit_units: LabAuditor) -> None:
    """The message bus is down too: systemctl would start it by connecting, so services are unknown."""
    with stopped(host, "docker", "containerd", "memcached", "cron", "dbus"):
        result = audit_without_change(host, audit_units)
    services = {verdict for _host, check, _subject, verdict in result.findings if check == "service.state"}
    assert services == {"unknown"}
    assert ("memcached.running", "memcached", "drift") in [finding[1:] for finding in result.findings]


# --- automount points ------------------------------------------------------------------------------------------

CREATE_AUTOMOUNT = """
cd /etc/systemd/system &&
printf '[Mount]\\nWhat=lab\\nWhere=/1\\nType=tmpfs\\nOptions=size=3g,nr_inodes=90k\\n' >1.mount &&
printf '[Automount]\\nWhere=/1\\n' >1.automount &&
ln -s /1/data /opt/data && systemctl daemon-reload && systemctl start 1.automount
"""
REMOVE_AUTOMOUNT = """
systemctl stop 1.automount 1.mount; cd /etc/systemd/system && rm -f 1.mount 1.automount /opt/data
systemctl daemon-reload; systemctl reset-failed
"""
SUBJECTS = {"path": "/opt/data", "symlink": "/opt/data", "disk": "/1"}
"""The prefix of check ids and the subject of each section with a subject on the automount."""
REASON = "/1 is an automount point that is not mounted"


def states(host: LabHost) -> list[str]:
    """Return the states of the automount and of its mount."""
    return host.run("systemctl", "is-active", "1.automount", "1.mount", check=False).stdout.split()


@pytest.fixture
def automount(host: LabHost, audit_units: LabAuditor) -> Iterator[LabAuditor]:
    """Create an automount unit for /1, as x-systemd.automount does, and expect paths on it."""
    expected = audit_units.expected / "hosts" / f"{host.name}.yaml"
    text = expected.read_text(encoding="ascii")
    text = text.replace("\npaths:\n", "\npaths:\n  /opt/data: {type: directory}\n")
    text += "symlinks:\n  /opt/data: {target: /1/data}\n"
    expected.write_text(text, encoding="ascii")
    with host.drift(CREATE_AUTOMOUNT, REMOVE_AUTOMOUNT):
        yield audit_units


def test_reading_free_space_mounts_an_automount(host: LabHost, automount: LabAuditor) -> None:
    """Verify the side effect that the next test excludes."""
    assert automount.expected.is_dir()
    assert states(host) == ["active", "inactive"]
    assert host.run("stat", "-f", "/1").returncode == 0
    assert states(host) == ["active", "active"]


@pytest.mark.parametrize("probe", ["df /1", "ls /1", "cat /1/x", "stat -L /opt/data", "find /1/ -maxdepth 1"])
def test_every_access_to_an_automount_mounts_it(host: LabHost, automount: LabAuditor, probe: str) -> None:
    assert automount.expected.is_dir()
    assert states(host) == ["active", "inactive"]
    host.sh(probe, check=False)
    assert states(host) == ["active", "active"]


def test_an_audit_mounts_no_automount(host: LabHost, automount: LabAuditor) -> None:
    result = audit_without_change(host, automount)
    assert states(host) == ["active", "inactive"]
    findings = {
        (finding["check"].partition(".")[0], finding["subject"]): finding for finding in result.report["findings"]
    }
    for subject in SUBJECTS.items():
        assert findings[subject]["verdict"] == "unknown"
        assert REASON in str(findings[subject])
    assert {verdict for *_, verdict in result.findings} == {"ok", "unknown"}
    # one probe reads all paths, another all links: they are unknown together
    unknown = {check.partition(".")[0] for _, check, _, verdict in result.findings if verdict == "unknown"}
    assert unknown == SUBJECTS.keys()
    assert result.code == 3


def test_an_audit_without_the_guard_mounts_it(
    host: LabHost, automount: LabAuditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("olaudit.transport.batch.GUARD", "")
    assert states(host) == ["active", "inactive"]
    automount("--all")
    assert states(host) == ["active", "active"]


def test_a_mounted_automount_is_audited_like_any_mount(host: LabHost, automount: LabAuditor) -> None:
    host.run("mkdir", "/1/data")
    assert states(host) == ["active", "active"]
    result = audit_without_change(host, automount)
    verdicts = {(check.partition(".")[0], subject): verdict for _, check, subject, verdict in result.findings}
    assert [verdicts[subject] for subject in SUBJECTS.items()] == ["ok"] * 3
    assert {verdict for *_, verdict in result.findings} == {"ok"}
