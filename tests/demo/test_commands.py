"""Simulated programs print the same as the real programs of this machine for the same files."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import pytest

from olaudit.checks.memcached.facts import Limit, served_limit, settings_probe
from olaudit.checks.memcached import MemcachedSpec, Reserve
from olaudit.demo.commands import PROGRAMS, run
from olaudit.demo.files import DIRECTORY, NO_NAME, ROOT, Account, FileNode, Files, file, link
from olaudit.demo.machine import Machine, RunningProcess
from olaudit.model import Answered

_STAT_FORMAT = "%F/%U/%u/%G/%g/%a/%n/\\n"
_FIND_ENTRIES = "%y/%u/%U/%g/%G/%m/%f/\\n"
_FIND_PATHS = "%y\\t%Y\\t%p\\t%l\\n"

_TREE: dict[str, FileNode] = {
    "folder": replace(DIRECTORY, mode=0o750),
    "folder/text": file("one\ntwo\n"),
    "folder/empty": file(""),
    "folder/.hidden": file("x"),
    "folder/a.dat": replace(file("x"), mode=0o4755),
    "folder/inner": DIRECTORY,
    "folder/to-text": link("text"),
    "folder/broken": link("nothing"),
    "to-folder": link("folder"),
    "to-inner": link("to-folder/inner/../inner"),
    "up": link("folder/.."),
    "through-file": link("folder/text/x"),
    "nowhere": link("/nonexistent/at/all"),
    "loop": link("pool"),
    "pool": link("loop"),
}


@dataclass(frozen=True, slots=True)
class Twins:
    """The same files twice: on this machine and simulated, under the same path."""

    root: Path
    machine: Machine

    def paths(self, *names: str) -> tuple[str, ...]:
        return tuple(f"{self.root}/{name}" for name in names)

    def assert_equal(self, *argv: str, sort: bool = False) -> Answered:
        """Run a command on both and assert that the answers are equal."""
        real, simulated = _real(argv), run(self.machine, argv)
        if sort:
            real, simulated = _sorted(real), _sorted(simulated)
        assert simulated == real
        return simulated


def _real(argv: tuple[str, ...]) -> Answered:
    done = subprocess.run(argv, capture_output=True, check=False, timeout=20, env={**os.environ, "LC_ALL": "C"})
    return Answered(done.stdout.decode(), done.stderr.decode().rstrip("\n"), done.returncode)


def _sorted(answered: Answered) -> Answered:
    return replace(answered, stdout="".join(sorted(answered.stdout.splitlines(keepends=True))))


def _machine(files: Files) -> Machine:
    return Machine(hostname="ol-web1", files=files, processes=(), engine=None, memcached=MappingProxyType({}))


@pytest.fixture
def twins(tmp_path: Path) -> Twins:
    user = Account(pwd.getpwuid(os.geteuid()).pw_name, os.geteuid())
    group = Account(grp.getgrgid(os.getegid()).gr_name, os.getegid())
    tmp_path.chmod(0o755)
    files = Files().put(str(tmp_path), replace(DIRECTORY, owner=user, group=group))
    for name, node in _TREE.items():
        path = tmp_path / name
        match node.type:
            case "d":
                path.mkdir()
            case "f":
                path.write_text(node.text, encoding="ascii")
            case "l":
                path.symlink_to(node.text)
        owned = replace(node, owner=user, group=group)
        if name == "folder/a.dat" and os.geteuid() == 0:
            os.chown(path, 54321, 54322)
            owned = replace(node, owner=Account(NO_NAME, 54321), group=Account(NO_NAME, 54322))
        if node.type != "l":
            path.chmod(node.mode)
        files = files.put(str(path), owned)
    return Twins(tmp_path, _machine(files))


_NAMES = (*_TREE, "missing", "folder/text/below", "missing/below", "to-folder/text", "up/folder", "loop/below")


@pytest.mark.parametrize("follow", [(), ("-L",)])
def test_stat_describes_files_as_coreutils_does(twins: Twins, follow: tuple[str, ...]) -> None:
    twins.assert_equal("stat", *follow, f"--printf={_STAT_FORMAT}", "--", *twins.paths(*_NAMES))


def test_stat_succeeds_if_all_files_exist(twins: Twins) -> None:
    assert twins.assert_equal("stat", f"--printf={_STAT_FORMAT}", "--", *twins.paths("folder")).status == 0


def test_readlink_resolves_as_coreutils_does(twins: Twins) -> None:
    more = ("missing/a/../b", "folder/../to-folder/./text", "to-inner/../..", "folder//inner/", "loop")
    twins.assert_equal("readlink", "-m", "--", *twins.paths(*_NAMES, *more), "/")


def test_find_describes_paths_as_findutils_does(twins: Twins) -> None:
    twins.assert_equal("find", *twins.paths(*_NAMES), "-maxdepth", "0", "-printf", _FIND_PATHS)


@pytest.mark.parametrize("glob", ["*", "*.dat", ".*", "to-?ext", "[ab]*", "nothing*"])
@pytest.mark.parametrize("folder", ["folder", "to-folder", "missing", "folder/text", "folder/inner", "nowhere"])
def test_find_lists_folders_as_findutils_does(twins: Twins, folder: str, glob: str) -> None:
    hidden = () if glob.startswith(".") else ("!", "-name", ".*")
    depth = ("-mindepth", "1", "-maxdepth", "1")
    argv = ("find", "-L", *twins.paths(folder), *depth, "-name", glob, *hidden, "-printf", _FIND_ENTRIES)
    twins.assert_equal(*argv, sort=True)


@pytest.mark.parametrize("name", ["folder/text", "to-folder/text", "folder/empty", "folder", "missing", "loop"])
def test_head_reads_files_as_coreutils_does(twins: Twins, name: str) -> None:
    for size in ("3", "65536"):
        twins.assert_equal("head", "-c", size, "--", *twins.paths(name))
    twins.assert_equal("head", "-c", "4", *twins.paths(name))


def test_uname_prints_the_name_as_coreutils_does() -> None:
    machine = replace(_machine(Files()), hostname=os.uname().nodename)
    assert run(machine, ("uname", "-n")) == _real(("uname", "-n"))


def test_date_prints_the_time_as_coreutils_does() -> None:
    simulated, real = run(_machine(Files()), ("date", "-u", "+%s")), _real(("date", "-u", "+%s"))
    assert abs(int(simulated.stdout) - int(real.stdout)) <= 2
    assert simulated.stdout.endswith("\n")
    assert abs(int(simulated.stdout) - time.time()) <= 2


def test_ps_lists_processes_as_procps_does() -> None:
    columns = ("-o", "pid=", "-o", "comm=", "-o", "args=")
    with subprocess.Popen(["sleep", "30"]) as child:
        try:
            time.sleep(0.2)
            argv = ("ps", "-ww", "-p", str(child.pid), "-C", "no-such-process", *columns)
            real = _real(argv)
        finally:
            child.kill()
    machine = replace(_machine(Files()), processes=(RunningProcess(child.pid, "sleep", "sleep 30"),))
    simulated = run(machine, argv)
    # The width of the pid column depends on the machine's pid_max.
    assert simulated.stdout.lstrip(" ") == real.stdout.lstrip(" ")
    assert (simulated.stderr, simulated.status) == (real.stderr, real.status)


def test_ps_exits_with_1_if_no_process_matches() -> None:
    argv = ("ps", "-ww", "-p", "4194304", "-C", "no-such-process", "-o", "pid=", "-o", "comm=", "-o", "args=")
    assert run(_machine(Files()), argv) == _real(argv)


def test_ps_selects_by_id_or_by_name() -> None:
    processes = (RunningProcess(640, "memcached", "memcached -m 64"), RunningProcess(1, "systemd", "/sbin/init"))
    machine = replace(_machine(Files()), processes=(*processes, RunningProcess(9, "cron", "cron")))
    argv = ("ps", "-ww", "-p", "1", "-C", "memcached,other", "-o", "pid=", "-o", "comm=", "-o", "args=")
    assert [line.split()[0] for line in run(machine, argv).stdout.splitlines()] == ["1", "640"]


# --- memcached -------------------------------------------------------------------------------------------------


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _spec(port: int) -> MemcachedSpec:
    return MemcachedSpec(reserve=Reserve(least="0 B", most="1 MiB"), port=port)


def test_memcached_returns_its_limit_as_the_real_server_does() -> None:
    if not (program := shutil.which("memcached")):
        pytest.skip("there is no memcached on this machine")
    port = _free_port()
    user = ("-u", "nobody") if os.geteuid() == 0 else ()
    with subprocess.Popen([program, "-l", "127.0.0.1", "-p", str(port), "-m", "77", *user]) as child:
        try:
            argv = settings_probe(_spec(port)).argv
            until = time.monotonic() + 10
            while (real := _real(argv)).status and time.monotonic() < until:
                time.sleep(0.05)
        finally:
            child.terminate()
    machine = replace(_machine(Files()), memcached=MappingProxyType({("127.0.0.1", port): 77 << 20}))
    simulated = run(machine, argv)
    assert served_limit(simulated) == served_limit(real) == Limit(77, "77 MiB")
    assert set(simulated.stdout.split("\r\n")) <= set(real.stdout.split("\r\n"))
    assert (simulated.stderr, simulated.status) == (real.stderr, real.status)


def test_connection_to_stopped_memcached_fails_as_in_bash() -> None:
    argv = settings_probe(_spec(_free_port())).argv
    assert run(_machine(Files()), argv) == _real(argv)


# --- unsupported programs --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "argv",
    [
        ("nosuch", "--version"),
        ("uname", "-a"),
        ("date",),
        ("stat", "/"),
        ("stat", "--printf=%i", "--", "/"),
        ("stat", f"--printf={_STAT_FORMAT}", "/"),
        ("readlink", "-f", "/"),
        ("head", "/"),
        ("ps", "aux"),
        ("bash", "-c", "echo x"),
        ("find", "/", "-delete"),
        ("find", "/", "-maxdepth", "2", "-printf", "%p"),
        ("find", "/", "-maxdepth", "0"),
        ("stat",),
        (),
    ],
)
def test_unsupported_arguments_count_as_a_missing_program(argv: tuple[str, ...]) -> None:
    assert run(_machine(Files()), argv).status == 127


def test_missing_program_is_reported_as_timeout_reports_it() -> None:
    assert run(_machine(Files()), ("nosuch",)) == _real(("timeout", "1", "nosuch"))


def test_programs_are_listed_in_alphabetical_order() -> None:
    assert list(PROGRAMS) == sorted(PROGRAMS)


def test_root_owns_files_by_default() -> None:
    assert Files().node_at("/").owner == ROOT
