"""Leaving nothing behind: ends what a lab started and removes what it made, however it ended."""

import os
import time
from contextlib import suppress
from pathlib import Path

from tests.fleet import network
from tests.fleet.errors import LabError
from tests.fleet.place import Place
from tests.fleet.processes import Process, end, run

_CGROUPS = Path("/sys/fs/cgroup")


def sweep(place: Place) -> None:
    """Remove every trace of the lab; harmless when there is none."""
    _thaw(place)
    records = [network.hub_record(place), *place.directory.glob("hosts/*/*.pid")]
    # Ending a host's first process ends its whole pid namespace, containers included.
    end(process for process in map(Process.recorded, records) if process)
    network.down(place)
    _remove_cgroups(place)
    _remove_files(place.directory)


def traces(place: Place) -> list[str]:
    """Name everything of the lab that this machine still holds, but for processes (see `processes_of`)."""
    files = [str(place.directory)] * os.path.lexists(place.directory)
    return [*network.traces(place), *map(str, _cgroups(place)), *map(str, _mounts(place.directory)), *files]


def processes_of(place: Place) -> list[Process]:
    """List the lab's processes, containers' too: the hub, and all in a pid namespace of the lab's own."""
    records = [network.hub_record(place), *place.directory.glob("hosts/*/*.pid")]
    known = [process for process in map(Process.recorded, records) if process]
    ours = _pid_namespace(os.getpid())
    spaces = {space for process in known if (space := _pid_namespace(process.pid)) not in (None, ours)}
    everyone = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    inside = (Process.of(pid) for pid in everyone if _pid_namespace(pid) in spaces)
    return list({*known, *(process for process in inside if process)})


def _pid_namespace(pid: int) -> Path | None:
    with suppress(OSError):
        return Path(f"/proc/{pid}/ns/pid").readlink()
    return None


def _cgroups(place: Place) -> list[Path]:
    """List the lab's cgroups: one per hierarchy with cgroup v1, one in all with v2."""
    found = {*_CGROUPS.glob(f"*/{place.name}"), *_CGROUPS.glob(place.name)}
    return sorted(path for path in found if path.is_dir() and not path.parent.is_symlink())


def _thaw(place: Place) -> None:
    """Wake paused containers: with cgroup v1 a frozen process can't even be killed."""
    for top in _cgroups(place):
        for name, word in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
            for path in top.rglob(name):
                with suppress(OSError):
                    path.write_text(word, encoding="ascii")


def _remove_cgroups(place: Place) -> None:
    deadline = time.monotonic() + 10
    while tops := _cgroups(place):
        for top in tops:
            for folder, _folders, _files in os.walk(top, topdown=False):
                with suppress(OSError):  # busy for a moment after its last process died; the loop comes back
                    Path(folder).rmdir()
        if time.monotonic() > deadline:
            raise LabError(f"cgroups that can't be removed: {', '.join(map(str, _cgroups(place)))}")
        time.sleep(0.01)


def _mounts(directory: Path) -> list[Path]:
    """List mounts at or below a folder in this mount namespace, the deepest first."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    points = (Path(line.split()[4]) for line in lines)
    return sorted((point for point in points if point.is_relative_to(directory)), reverse=True)


def _remove_files(directory: Path) -> None:
    for point in _mounts(directory):
        run(("umount", "-l", str(point)))
    # Hosts mount the machine's own folders into their roots. That happens in their mount namespaces only,
    # but to remove files through such a mount would be the end of the machine.
    if left := _mounts(directory):
        raise LabError(f"still mounted: {', '.join(map(str, left))}")
    # A helper (cp, git) of a run that was killed a moment ago may still be writing below: then once more.
    for _attempt in range(3):
        if run(("rm", "-rf", "--one-file-system", "--", str(directory)), check=False).returncode == 0:
            return
        time.sleep(0.2)
    raise LabError(f"{directory} can't be removed")
