"""Removal of a lab: kills its processes and removes everything that it created, also after a crash."""

import os
import time
from contextlib import suppress
from pathlib import Path

from tests.fleet import network
from tests.fleet.errors import LabError
from tests.fleet.layout import LabLayout
from tests.fleet.processes import Process, kill_all, run

_CGROUPS = Path("/sys/fs/cgroup")


def remove_lab(layout: LabLayout) -> None:
    """Remove everything that the lab created; does nothing if it is down."""
    _thaw(layout)
    records = [network.hub_record(layout), *layout.directory.glob("hosts/*/*.pid")]
    # The end of a host's first process ends its whole pid namespace, including containers.
    kill_all(process for process in map(Process.from_record, records) if process)
    network.down(layout)
    _remove_cgroups(layout)
    _remove_files(layout.directory)


def leftovers(layout: LabLayout) -> list[str]:
    """List what remains of the lab on this machine, without processes (see `lab_processes`)."""
    files = [str(layout.directory)] * os.path.lexists(layout.directory)
    return [*network.leftovers(layout), *map(str, _cgroups(layout)), *map(str, _mounts(layout.directory)), *files]


def lab_processes(layout: LabLayout) -> list[Process]:
    """List the lab's processes, including containers: the hub, and all in the pid namespaces of its hosts."""
    records = [network.hub_record(layout), *layout.directory.glob("hosts/*/*.pid")]
    recorded = [process for process in map(Process.from_record, records) if process]
    own_namespace = _pid_namespace(os.getpid())
    namespaces = {_pid_namespace(process.pid) for process in recorded} - {None, own_namespace}
    pids = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    members = (Process.with_pid(pid) for pid in pids if _pid_namespace(pid) in namespaces)
    return list({*recorded, *(process for process in members if process)})


def _pid_namespace(pid: int) -> Path | None:
    with suppress(OSError):
        return Path(f"/proc/{pid}/ns/pid").readlink()
    return None


def _cgroups(layout: LabLayout) -> list[Path]:
    """List the lab's cgroups: one per hierarchy with cgroup v1, a single one with v2."""
    paths = {*_CGROUPS.glob(f"*/{layout.name}"), *_CGROUPS.glob(layout.name)}
    return sorted(path for path in paths if path.is_dir() and not path.parent.is_symlink())


def _thaw(layout: LabLayout) -> None:
    """Thaw paused containers: with cgroup v1 a frozen process cannot be killed."""
    for top in _cgroups(layout):
        for name, value in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
            for path in top.rglob(name):
                with suppress(OSError):
                    path.write_text(value, encoding="ascii")


def _remove_cgroups(layout: LabLayout) -> None:
    deadline = time.monotonic() + 10
    while tops := _cgroups(layout):
        for top in tops:
            for folder, _folders, _files in os.walk(top, topdown=False):
                with suppress(OSError):  # busy for a moment after its last process ended; the loop retries
                    Path(folder).rmdir()
        if time.monotonic() > deadline:
            raise LabError(f"cannot remove cgroups: {', '.join(map(str, _cgroups(layout)))}")
        time.sleep(0.01)


def _mounts(directory: Path) -> list[Path]:
    """List mounts at or below a folder in this mount namespace, deepest first."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    points = (Path(line.split()[4]) for line in lines)
    return sorted((point for point in points if point.is_relative_to(directory)), reverse=True)


def _remove_files(directory: Path) -> None:
    for point in _mounts(directory):
        run(("umount", "-l", str(point)))
    # Hosts mount folders of the machine into their roots, in their own mount namespaces only.
    # Removing files through such a mount would destroy the machine.
    if left := _mounts(directory):
        raise LabError(f"still mounted: {', '.join(map(str, left))}")
    # A helper (cp, git) of a run that was just killed may still be writing here: then retry.
    for _attempt in range(3):
        if run(("rm", "-rf", "--one-file-system", "--", str(directory)), check=False).returncode == 0:
            return
        time.sleep(0.2)
    raise LabError(f"cannot remove {directory}")
