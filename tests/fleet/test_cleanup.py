"""The lab removes everything it created, even after a crash, and returns only addresses of its own."""

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
from tests.fleet.layout import LabLayout
from tests.fleet.processes import Process, wait_for

# A second, small lab, which is killed and removed independently of the fleet.
SPARE = LabLayout("olaudit-lab-spare", "olab8", IPv4Network("10.213.8.0/24"))


def test_lab_in_use_cannot_be_removed(lab: Lab) -> None:
    with pytest.raises(LabError, match="another process is using the lab"):
        Lab(lab.layout).down()


def test_down_removes_everything_in_any_state_of_the_hosts() -> None:
    require_fleet()
    with Lab(SPARE, only=("ol-web1", "ol-mem0")) as spare:
        host = spare.hosts["ol-web1"]
        processes = spare.processes()
        assert len(processes) >= 10, "hub, hosts, their services, a container"
        assert host.address == "10.213.8.20"
        host.sh("docker pause openlibrary-web-1")
        host.sh("kill -STOP $(cat /run/docker.pid)")
    assert spare.leftovers() == []
    assert not any(process.alive() for process in processes)
    with pytest.raises(LabError, match="the lab is down"):
        _ = host.address


def test_hosts_have_no_address_without_the_device_of_the_lab() -> None:
    with pytest.raises(LabError, match="no device olab9"):
        LabLayout("olaudit-lab-none", "olab9").address(0)


@contextmanager
def killed_during_up(progress: str) -> Iterator[None]:
    """Start the spare lab in another process and kill that process once the file `progress` exists."""
    start = (
        "from tests.fleet.lab import Lab; from tests.fleet.test_cleanup import SPARE;"
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
def test_up_removes_the_leftovers_of_a_killed_up(progress: str) -> None:
    require_fleet()
    with killed_during_up(progress):
        processes = Lab(SPARE).processes()
        assert processes
        with Lab(SPARE, only=("ol-mem0",)) as spare:
            assert spare.ssh("ol-mem0", "true").returncode == 0
            assert not any(process.alive() for process in processes)
    assert spare.leftovers() == []


def test_failed_up_removes_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    require_fleet()
    monkeypatch.setattr(engine, "OLSYSTEM", "not a path, so the engine refuses")
    lab = Lab(SPARE, only=("ol-web1",))
    with pytest.raises(Exception, match="invalid") as caught:
        lab.up()
    assert any("dockerd.log" in note for note in caught.value.__notes__), "the error has no note with the logs"
    assert lab.leftovers() == []


def test_process_differs_from_a_later_one_with_its_pid() -> None:
    current = Process.with_pid(os.getpid())
    assert current is not None
    earlier = Process(current.pid, current.started - 1)
    assert current.alive()
    assert not earlier.alive()
    earlier.kill()  # must not end this test run


def test_tests_are_skipped_without_lab_unless_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fleet.conftest.missing_requirement", lambda: "no root")
    monkeypatch.delenv("OLAUDIT_REQUIRE_FLEET", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no root"):
        require_fleet()
    monkeypatch.setenv("OLAUDIT_REQUIRE_FLEET", "1")
    with pytest.raises(pytest.fail.Exception, match="no root"):
        require_fleet()


def test_lock_is_released_when_closed() -> None:
    layout = LabLayout("olaudit-lab-lock", "olab9")
    layout.lock(0).close()
    lock = layout.lock(0)
    with suppress(LabError):
        layout.lock(0).close()
        pytest.fail("locked twice")
    lock.close()
