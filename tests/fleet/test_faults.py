"""What can be done to a host of the lab really happens to it, and is undone."""

import pytest

from tests.fleet.errors import LabError
from tests.fleet.host import LabHost
from tests.fleet.lab import Lab

MIB = 1024 * 1024


def limit(host: LabHost) -> int:
    """Ask the running memcached for its own limit, in bytes."""
    lines = host.memcached("stats").splitlines()
    return next(int(line.split()[2]) for line in lines if line.startswith("STAT limit_maxbytes "))


def test_memcached_restarts_with_what_its_file_says_then(lab: Lab) -> None:
    host = lab.hosts["ol-mem1"]
    conf = "/etc/memcached.conf"
    with host.drift(do=f"sed -i.kept '/^-m/d' {conf}", undo=f"mv {conf}.kept {conf}"):
        assert limit(host) == 9300 * MIB, "the file alone changes nothing"
        host.restart_memcached()
        assert limit(host) == 64 * MIB
    host.restart_memcached("-u", "memcache", "-l", "127.0.0.1", "-m", "9900")
    assert limit(host) == 9900 * MIB
    host.restart_memcached()
    assert limit(host) == 9300 * MIB


def test_dropping_packets_is_silence(lab: Lab) -> None:
    host = lab.hosts["ol-web1"]
    with host.dropping_packets():
        done = lab.ssh(host.name, "true", timeout=1)
        assert done.returncode == 255
        assert "timed out" in done.stderr
    assert lab.ssh(host.name, "true").returncode == 0


def test_refusing_is_a_refusal(lab: Lab) -> None:
    host = lab.hosts["ol-db1"]
    with host.refusing():
        done = lab.ssh(host.name, "true")
        assert done.returncode == 255
        assert "Connection refused" in done.stderr
    assert lab.ssh(host.name, "true").returncode == 0


def test_a_hung_engine_takes_connections_and_never_answers(lab: Lab) -> None:
    host = lab.hosts["ol-www0"]
    with host.hung_docker():
        assert lab.ssh(host.name, "timeout 1 docker ps").returncode == 124
    assert lab.ssh(host.name, "timeout 5 docker ps").returncode == 0


def test_a_changed_host_key_is_refused(lab: Lab) -> None:
    host = lab.hosts["ol-mem0"]
    with host.changed_host_key():
        done = lab.ssh(host.name, "true")
        assert done.returncode == 255
        assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in done.stderr
    assert lab.ssh(host.name, "true").returncode == 0


def test_drift_is_taken_back_also_when_the_test_fails(lab: Lab) -> None:
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


def test_half_a_drift_is_taken_back_too(lab: Lab) -> None:
    host = lab.hosts["ol-web2"]
    with pytest.raises(LabError), host.drift(do="touch /etc/half && false", undo="rm /etc/half"):
        pass
    assert host.run("test", "-e", "/etc/half", check=False).returncode == 1


def test_a_command_that_fails_says_what_it_said(lab: Lab) -> None:
    with pytest.raises(LabError, match="No such file or directory"):
        lab.hosts["ol-db2"].run("cat", "/nowhere")
