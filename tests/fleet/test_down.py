"""The lab leaves nothing behind, however it ends, and gives nobody an address that is not its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from tests.fleet import engine
from tests.fleet.conftest import require_fleet
from tests.fleet.errors import LabError
from tests.fleet.lab import Lab
from tests.fleet.place import Place
from tests.fleet.processes import Process, wait_for

# A second, small lab beside the fleet, to be killed and taken down without the fleet.
SPARE = Place("olaudit-lab-spare", "olab8", IPv4Network("10.213.8.0/24"))


def test_a_second_user_of_the_lab_waits(lab: Lab) -> None:
    with pytest.raises(LabError, match="another process is using the lab"):
        Lab(lab.place).down()


def test_down_leaves_nothing_whatever_state_the_hosts_are_in() -> None:
    require_fleet()
    with Lab(SPARE, only=("ol-web1", "ol-mem0")) as spare:
        host = spare.hosts["ol-web1"]
        processes = spare.processes()
        assert len(processes) >= 10, "hub, hosts, their services, a container"
        assert host.address == "10.213.8.20"
        host.sh("docker pause openlibrary-web-1")
        host.sh("kill -STOP $(cat /run/docker.pid)")
    assert spare.traces() == []
    assert not any(process.alive() for process in processes)
    with pytest.raises(LabError, match="the lab is down"):
        _ = host.address


def test_no_host_is_ever_given_an_address_without_the_labs_device() -> None:
    with pytest.raises(LabError, match="no device olab9"):
        Place("olaudit-lab-none", "olab9").address(0)


@contextmanager
def killed_while_coming_up(progress: str) -> Iterator[None]:
    """Start the spare lab in a process of its own and kill that as soon as a file of the lab's exists."""
    start = (
        "from tests.fleet.lab import Lab; from tests.fleet.test_down import SPARE;"
        "Lab(SPARE, only=('ol-web1', 'ol-mem0')).up()"
    )
    top = Path(__file__).parents[2]
    with subprocess.Popen((sys.executable, "-c", start), cwd=top, stderr=subprocess.DEVNULL) as up:
        try:
            wait_for((SPARE.directory / progress).exists, progress, seconds=20)
        finally:
            up.send_signal(signal.SIGKILL)
    yield


@pytest.mark.parametrize("progress", ["hub.pid", "hosts/ol-web1/init.pid", "ssh_config"])
def test_what_a_killed_up_left_is_gone_at_the_next(progress: str) -> None:
    require_fleet()
    with killed_while_coming_up(progress):
        left = Lab(SPARE).processes()
        assert left
        with Lab(SPARE, only=("ol-mem0",)) as spare:
            assert spare.ssh("ol-mem0", "true").returncode == 0
            assert not any(process.alive() for process in left)
    assert spare.traces() == []


def test_a_failed_up_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    require_fleet()
    monkeypatch.setattr(engine, "OLSYSTEM", "not a path, so the engine refuses")
    lab = Lab(SPARE, only=("ol-web1",))
    with pytest.raises(Exception, match="invalid") as caught:
        lab.up()
    assert any("dockerd.log" in note for note in caught.value.__notes__), "the host's logs are gone with it"
    assert lab.traces() == []


def test_a_process_is_told_apart_from_a_later_one_with_its_pid() -> None:
    me = Process.of(os.getpid())
    assert me is not None
    stranger = Process(me.pid, me.started - 1)
    assert me.alive()
    assert not stranger.alive()
    stranger.kill()  # must not end this test run


def test_no_lab_means_a_skip_unless_it_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fleet.conftest.missing", lambda: "no root")
    monkeypatch.delenv("OLAUDIT_REQUIRE_FLEET", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no root"):
        require_fleet()
    monkeypatch.setenv("OLAUDIT_REQUIRE_FLEET", "1")
    with pytest.raises(pytest.fail.Exception, match="no root"):
        require_fleet()


def test_the_lock_needs_no_file_and_is_free_when_closed() -> None:
    place = Place("olaudit-lab-lock", "olab9")
    place.lock(0).close()
    held = place.lock(0)
    with suppress(LabError):
        place.lock(0).close()
        pytest.fail("taken twice")
    held.close()
