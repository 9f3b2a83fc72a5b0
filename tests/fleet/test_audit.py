"""Audits of the real fleet: a conforming fleet has no finding, each drift has one, unknown has its reason."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from olaudit.transport.ssh.link import Link
from tests.fleet.auditing import DEPLOYS, EXPECTED, OLAUDIT, SKIP_SERVICES, LabAuditor
from tests.fleet.engine import SECRET
from tests.fleet.host import LabHost
from tests.fleet.lab import Lab
from tests.fleet.processes import wait_for


def test_conforming_fleet_has_no_finding_and_exit_code_0(audit: LabAuditor) -> None:
    result = audit()
    assert result.findings == []
    assert result.code == 0
    assert result.report["summary"]["hosts"] == 13
    assert result.report["summary"]["ok"] == result.report["summary"]["checks"] > 350


def test_every_container_is_checked_in_every_aspect(audit: LabAuditor, lab: Lab) -> None:
    checked = {
        (finding["host"], finding["check"], finding["subject"]) for finding in audit("--all").report["findings"]
    }
    for host in lab.hosts.values():
        for container in host.containers:
            for aspect in ("missing", "name", "hostname", "state", "restarts", "restart-policy"):
                assert (host.name, f"container.{aspect}", container.name) in checked


# --- drift: exactly one finding each -------------------------------------------------------------------------


def script(do: str, undo: str) -> Any:
    return lambda host: host.drift(do, undo)


@contextmanager
def old_memcached(host: LabHost) -> Iterator[None]:
    """Remove -m from the configuration file and restart memcached with it."""
    try:
        with host.drift(
            "sed -i.kept '/^-m/d' /etc/memcached.conf", "mv /etc/memcached.conf.kept /etc/memcached.conf"
        ):
            host.restart_memcached()
            yield
    finally:
        host.restart_memcached()


def memcached_with(*arguments: str) -> Any:
    """Run memcached with other arguments than those of its file."""

    @contextmanager
    def running(host: LabHost) -> Iterator[None]:
        try:
            host.restart_memcached("-u", "memcache", "-l", "127.0.0.1", "-p", "11211", *arguments)
            yield
        finally:
            host.restart_memcached()

    return running


@contextmanager
def live_limit(host: LabHost) -> Iterator[None]:
    """Change the limit of the running server with `cache_memlimit`, which needs no restart."""
    host.memcached("cache_memlimit 1024")
    try:
        yield
    finally:
        host.restart_memcached()


WEB = "openlibrary-web-1"
OPENLIBRARY, OLSYSTEM = "/opt/openlibrary/openlibrary", "/opt/openlibrary/olsystem"
CONF = "/etc/memcached.conf"


def link(path: str, target: str, back: str) -> Any:
    return script(f"ln -sfn {target} {path}", f"ln -sfn {back} {path}")


DRIFTS = {
    "renamed": (
        "ol-covers0",
        script(
            "docker rename openlibrary-covers_nginx-1 openlibrary_covers_nginx_1",
            "docker rename openlibrary_covers_nginx_1 openlibrary-covers_nginx-1",
        ),
        "container.name",
        "openlibrary-covers_nginx-1",
        "openlibrary_covers_nginx_1",
    ),
    "recreate prefix": (
        "ol-web1",
        script(f"docker rename {WEB} 0123456789ab_{WEB}", f"docker rename 0123456789ab_{WEB} {WEB}"),
        "container.name",
        WEB,
        f"0123456789ab_{WEB}",
    ),
    "stopped": (
        "ol-home0",
        script("docker stop -t 1 openlibrary-importbot-1", "docker start openlibrary-importbot-1"),
        "container.state",
        "openlibrary-importbot-1",
        "exited (0) at ",
    ),
    "paused": (
        "ol-home0",
        script("docker pause openlibrary-importbot-1", "docker unpause openlibrary-importbot-1"),
        "container.state",
        "openlibrary-importbot-1",
        "paused",
    ),
    "restart policy": (
        "ol-web2",
        script(f"docker update --restart=no {WEB}", f"docker update --restart=unless-stopped {WEB}"),
        "container.restart-policy",
        WEB,
        "no",
    ),
    "removed": (
        "ol-www0",
        lambda host: host.replaced_container("openlibrary-web_nginx-1"),
        "container.missing",
        "openlibrary-web_nginx-1",
        "absent",
    ),
    "unexpected container": (
        "ol-solr0",
        script(
            "docker run -d --name stray --network none openlibrary/olbase:latest sleep 1000", "docker rm -f stray"
        ),
        "container.unexpected",
        "stray",
        "",
    ),
    "docker hostname": (
        "ol-solr1",
        lambda host: host.replaced_container("jenkins", hostname="ol-solr1"),
        "container.hostname",
        "jenkins",
        "ol-solr1",
    ),
    "service label": (
        "ol-web1",
        lambda host: host.replaced_container(WEB, service="fast_web"),
        "container.service",
        WEB,
        "fast_web",
    ),
    "memcached conf too low": (
        "ol-mem0",
        script(f"sed -i.kept 's/^-m .*/-m 64/' {CONF}", f"mv {CONF}.kept {CONF}"),
        "memcached.configured",
        "memcached",
        "-m 64",
    ),
    "memcached without -m": ("ol-mem1", old_memcached, "memcached.configured", "memcached", "no -m"),
    "memcached conf too high": (
        "ol-mem2",
        script(f"sed -i.kept 's/^-m .*/-m 9900/' {CONF}", f"mv {CONF}.kept {CONF}"),
        "memcached.configured",
        "memcached",
        "-m 9900",
    ),
    "memcached not restarted": (
        "ol-mem2",
        memcached_with("-m", "9000"),
        "memcached.running",
        "memcached",
        "-m 9000",
    ),
    "memcached limit changed live": (
        "ol-mem0",
        live_limit,
        "memcached.limit",
        "memcached",
        "1024",
    ),
    "dangling link": (
        "ol-web1",
        link(OLSYSTEM, f"{DEPLOYS}/olsystem/gone", f"{DEPLOYS}/olsystem/olsystem"),
        "symlink.dangling",
        OLSYSTEM,
        f"{DEPLOYS}/olsystem/gone",
    ),
    "openlibrary points to olsystem": (
        "ol-web2",
        link(OPENLIBRARY, f"{DEPLOYS}/olsystem/olsystem", f"{DEPLOYS}/openlibrary/openlibrary"),
        "symlink.target",
        OPENLIBRARY,
        f"{DEPLOYS}/olsystem/olsystem",
    ),
    "folder instead of a link": (
        "ol-solr1",
        script(
            f"rm {OLSYSTEM} && mkdir {OLSYSTEM}",
            f"rmdir {OLSYSTEM} && ln -s {DEPLOYS}/olsystem/olsystem {OLSYSTEM}",
        ),
        "symlink.target",
        OLSYSTEM,
        "directory",
    ),
    "maxmind data missing": (
        "ol-home0",
        script(
            "cd /opt/openlibrary/maxmind-geoip && for f in *.dat; do mv $f $f.kept; done",
            "cd /opt/openlibrary/maxmind-geoip && for f in *.kept; do mv $f ${f%.kept}; done",
        ),
        "path.missing",
        "/opt/openlibrary/maxmind-geoip/*.dat",
        "absent",
    ),
    "venv missing": (
        "ol-covers0",
        script("mv /opt/openlibrary/venv /opt/v", "mv /opt/v /opt/openlibrary/venv"),
        "path.missing",
        "/opt/openlibrary/venv",
        "absent",
    ),
    "hostname": (
        "ol-backup0",
        script("hostname ol-backup9", "hostname ol-backup0"),
        "host.hostname",
        "hostname",
        "ol-backup9",
    ),
}


FURTHER_CHECKS = {
    "dangling link": ("symlink.farm", "firewall.rules", "container.stale-mount"),
    "folder instead of a link": ("symlink.farm", "firewall.rules", "container.stale-mount"),
}
"""Further findings: links in /etc lead through the broken link, and containers keep its former target mounted."""


@pytest.mark.parametrize("name", DRIFTS)
def test_each_drift_is_one_finding_until_it_is_fixed(audit: LabAuditor, lab: Lab, name: str) -> None:
    host, drift, check, subject, observed = DRIFTS[name]
    with drift(lab.hosts[host]):
        result = audit()
    findings = [
        finding for finding in result.report["findings"] if finding["check"] not in FURTHER_CHECKS.get(name, ())
    ]
    keys = [(finding["host"], finding["check"], finding["subject"]) for finding in findings]
    assert keys == [(host, check, subject)], findings
    assert findings[0]["verdict"] == "drift"
    assert observed in findings[0]["observed"]
    assert result.code == 1
    assert audit(host).code == 0


HARMLESS = {
    "relative link to the expected target": link(
        OLSYSTEM, "deploys/olsystem/olsystem", f"{DEPLOYS}/olsystem/olsystem"
    ),
    "link to a deploy named by its commit": script(
        f"cp -a {DEPLOYS}/olsystem/olsystem/. {DEPLOYS}/olsystem/0123abc\n"
        f"ln -sfn {DEPLOYS}/olsystem/0123abc {OLSYSTEM}",
        f"ln -sfn {DEPLOYS}/olsystem/olsystem {OLSYSTEM} && rm -r {DEPLOYS}/olsystem/0123abc",
    ),
    "no petabox": script("mv /opt/petabox /opt/p", "mv /opt/p /opt/petabox"),
    "/opt on another volume": script(
        "mv /opt/openlibrary /1/ol && ln -s /1/ol /opt/openlibrary",
        "rm /opt/openlibrary && mv /1/ol /opt/openlibrary",
    ),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_equivalent_notation_is_no_finding(audit: LabAuditor, lab: Lab, name: str) -> None:
    with HARMLESS[name](lab.hosts["ol-web1"]):
        # without stale-mount, which correctly reports that the container still has the former deploy mounted
        assert audit("ol-web1", "--skip", "container.stale-mount").findings == []


def test_accepted_name_of_the_container_of_web2_is_ok(audit: LabAuditor, lab: Lab) -> None:
    with lab.hosts["ol-web2"].drift(
        f"docker rename {WEB} openlibrary-web-2", f"docker rename openlibrary-web-2 {WEB}"
    ):
        assert audit("ol-web2").findings == []


# --- unknown -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("drifting", [False, True])
def test_unanswered_probes_are_unknown_within_the_timeout(audit: LabAuditor, lab: Lab, drifting: bool) -> None:
    hosts = lab.hosts
    drift = hosts["ol-web2"].drift(f"docker stop -t 1 {WEB}", f"docker start {WEB}") if drifting else nullcontext()
    with ExitStack() as faults:
        for fault in (
            hosts["ol-db1"].dropping_packets(),
            hosts["ol-db2"].refusing_connections(),
            hosts["ol-home0"].hung_docker(),
            hosts["ol-backup0"].changed_host_key(),
            drift,
        ):
            faults.enter_context(fault)
        result = audit("--timeout", "4")
    failures = {
        finding["host"]: finding["failure"]["reason"] for finding in result.report["hosts"] if finding["failure"]
    }
    assert failures == {"ol-backup0": "hostkey", "ol-db1": "timeout", "ol-db2": "refused"}
    verdicts = {(host, check): verdict for host, check, _, verdict in result.findings}
    assert all(verdicts.pop((host, "host.reachable")) == "unknown" for host in failures)
    assert verdicts.pop(("ol-web2", "container.state"), None) == ("drift" if drifting else None)
    assert {host for host, _ in verdicts} == {"ol-home0"}
    assert set(verdicts.values()) == {"unknown"}
    hung = [finding for finding in result.report["findings"] if finding["host"] == "ol-home0"]
    own = [finding for finding in hung if not finding["check"].startswith("fleet.")]
    assert {finding["check"] for finding in own if finding["subject"] == "container"} == {
        "container.unexpected",
        "container.stale-mount",
    }
    assert {finding["check"] for finding in own if finding["subject"] == "docker"} == {"docker.engine"}
    missing = {finding["subject"] for finding in own if finding["check"] == "container.missing"}
    assert missing == {container.name for container in hosts["ol-home0"].containers}
    assert len(own) == 1 + len(missing) + 2
    assert all("Docker gave no answer within" in finding["message"] for finding in own)
    assert {finding["check"] for finding in hung} - {finding["check"] for finding in own} == {
        "fleet.image",
        "fleet.version",
    }
    assert result.code == (1 if drifting else 3)
    assert result.seconds < 4 + 2


def test_hanging_docker_does_not_affect_other_checks(audit: LabAuditor, lab: Lab) -> None:
    with lab.hosts["ol-web1"].hung_docker():
        result = audit("ol-web1", "--timeout", "4", "--all")
    verdicts = {finding["check"]: finding["verdict"] for finding in result.report["findings"]}
    assert verdicts["host.hostname"] == verdicts["symlink.target"] == verdicts["path.missing"] == "ok"
    assert verdicts["docker.engine"] == "unknown"


def test_docker_command_is_used_if_forwarding_is_disabled(audit: LabAuditor, lab: Lab) -> None:
    with lab.hosts["ol-home0"].sshd_option("AllowStreamLocalForwarding no"):
        result = audit("ol-home0")
    assert (result.findings, result.code) == ([], 0)


def test_missing_docker_group_is_reported_with_its_fix(audit: LabAuditor, lab: Lab) -> None:
    with lab.hosts["ol-web1"].drift("chmod 600 /run/docker.sock", "chmod 660 /run/docker.sock"):
        result = audit("ol-web1")
    assert result.code == 3
    messages = {finding["message"] for finding in result.report["findings"]}
    assert any("audit is not in the docker group of the host" in message for message in messages)


def test_stopped_engine_is_drift(audit: LabAuditor, lab: Lab) -> None:
    host = lab.hosts["ol-web2"]
    with host.drift("kill -9 $(cat /run/docker.pid); sleep 1", "true"):  # the pid file stays
        result = audit("ol-web2")
    host.run("sh", "-c", "rm -f /run/docker.pid; setsid dockerd >>/var/log/dockerd.log 2>&1 </dev/null &")
    start = ("docker", "start", *(container.name for container in host.containers))
    wait_for(lambda: host.run(*start, check=False).returncode == 0, "the containers of ol-web2")
    assert ("ol-web2", "docker.engine", "docker", "drift") in result.findings
    messages = {
        finding["message"] for finding in result.report["findings"] if finding["check"].startswith("container.")
    }
    assert all("it was not contacted because connecting could start it" in message for message in messages), (
        messages
    )
    assert result.code == 1


# --- cost ----------------------------------------------------------------------------------------------------


def test_largest_host_needs_one_batch_and_two_sessions(audit: LabAuditor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch uses one session for all commands, the search for an engine another; streams are few."""
    opened: list[str] = []
    open_channel = Link.open_channel

    def count_channels(self: Link, kind: str, *args: Any, **kwargs: Any) -> Any:
        opened.append(kind)
        return open_channel(self, kind, *args, **kwargs)

    monkeypatch.setattr(Link, "open_channel", count_channels)
    assert audit("ol-home0").code == 0
    assert opened.count("session") == 2
    assert set(opened) == {"session", "direct-streamlocal@openssh.com"}
    assert len(opened) <= 1 + 10


# --- recordings ----------------------------------------------------------------------------------------------


def test_recorded_run_replays_offline_to_the_same_report(audit: LabAuditor, lab: Lab, tmp_path: Path) -> None:
    recorded = tmp_path / "run.json"
    with (
        lab.hosts["ol-db2"].refusing_connections(),
        lab.hosts["ol-mem0"].drift(f"sed -i.kept 's/^-m .*/-m 64/' {CONF}", f"mv {CONF}.kept {CONF}"),
    ):
        live = audit("--record", str(recorded), "--all")
    assert SECRET not in recorded.read_text()
    replay = subprocess.run(
        [*OLAUDIT, "check", "-e", EXPECTED, "--replay", recorded, "--all", "-f", "json", *SKIP_SERVICES],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": "/nonexistent"},
    )
    assert replay.returncode == live.code == 1
    replayed = json.loads(replay.stdout)
    assert replayed.keys() == live.report.keys()
    for report in (replayed, live.report):
        for key in ("id", "started_at", "finished_at", "duration_seconds"):
            del report["run"][key]
    assert json.dumps(replayed) == json.dumps(live.report)
