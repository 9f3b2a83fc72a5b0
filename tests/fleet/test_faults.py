"""Faults and drift of a lab host take effect and are undone."""

import pytest

from tests.fleet.errors import LabError
from tests.fleet.host import LabHost
from tests.fleet.lab import Lab

MIB = 1024 * 1024


def limit(host: LabHost) -> int:
    """Return the limit of the running memcached, in bytes."""
    lines = host.memcached("stats").splitlines()
    return next(int(line.split()[2]) for line in lines if line.startswith("STAT limit_maxbytes "))


def test_memcached_restarts_with_its_configuration_file(lab: Lab) -> None:
    host = lab.hosts["ol-mem1"]
    conf = "/etc/memcached.conf"
    with host.drift(do=f"sed -i.kept '/^-m/d' {conf}", undo=f"mv {conf}.kept {conf}"):
        assert limit(host) == 9300 * MIB, "the file has no effect before a restart"
        host.restart_memcached()
        assert limit(host) == 64 * MIB
    host.restart_memcached("-u", "memcache", "-l", "127.0.0.1", "-m", "9900")
    assert limit(host) == 9900 * MIB
    host.restart_memcached()
    assert limit(host) == 9300 * MIB


def test_dropped_packets_time_out(lab: Lab) -> None:
    host = lab.hosts["ol-web1"]
    with host.dropping_packets():
        completed = lab.ssh(host.name, "true", timeout=1)
        assert completed.returncode == 255
        assert "timed out" in completed.stderr
    assert lab.ssh(host.name, "true").returncode == 0


def test_refused_connections_are_refused(lab: Lab) -> None:
    host = lab.hosts["ol-db1"]
    with host.refusing_connections():
        completed = lab.ssh(host.name, "true")
        assert completed.returncode == 255
        assert "Connection refused" in completed.stderr
    assert lab.ssh(host.name, "true").returncode == 0


def test_hung_engine_never_answers(lab: Lab) -> None:
    host = lab.hosts["ol-www0"]
    with host.hung_docker():
        assert lab.ssh(host.name, "timeout 1 docker ps").returncode == 124
    assert lab.ssh(host.name, "timeout 5 docker ps").returncode == 0


def test_changed_host_key_is_refused(lab: Lab) -> None:
    host = lab.hosts["ol-mem0"]
    with host.changed_host_key():
        completed = lab.ssh(host.name, "true")
        assert completed.returncode == 255
        assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in completed.stderr
    assert lab.ssh(host.name, "true").returncode == 0


def test_drift_is_undone_if_the_test_fails(lab: Lab) -> None:
    host = lab.hosts["ol-web2"]
    do = "docker rename openlibrary-web-1 openlibrary_web_1"
    undo = "docker rename openlibrary_web_1 openlibrary-web-1"

    def drifting() -> None:
        with host.drift(do=do, undo=undo):
            assert host.sh("docker ps --format '{{.Names}}'").stdout == "openlibrary_web_1\n"
            raise KeyError

    with pytest.raises(KeyError):
        drifting()
    assert host.sh("docker ps --format '{{.Names}}'").stdout == "openlibrary-web-1\n"


def test_partial_drift_is_undone(lab: Lab) -> None:
    host = lab.hosts["ol-web2"]
    with pytest.raises(LabError), host.drift(do="touch /etc/half && false", undo="rm /etc/half"):
        pass
    assert host.run("test", "-e", "/etc/half", check=False).returncode == 1


def test_error_of_a_failed_command_has_its_output(lab: Lab) -> None:
    with pytest.raises(LabError, match="No such file or directory"):
        lab.hosts["ol-db2"].run("cat", "/nowhere")
