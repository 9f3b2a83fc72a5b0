"""The guard against mounts by way of automount points.

The batch runs in real shells on real folders and links. A file replaces the kernel's list of mounts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from olaudit.model import Answer, Answered, Command, Unanswered
from olaudit.transport.automount import BLOCKED_STATUS
from olaudit.transport.batch import build_script
from olaudit.transport.frames import BatchReader, encode_answer

MARKER = "f" * 32
MOUNTINFO = "/proc/self/mountinfo"
BINFMT = "40 20 0:35 / /proc/sys/fs/binfmt_misc rw,relatime shared:16 - autofs systemd-1 rw,fd=30,direct"
ROOT = "20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"

pytestmark = pytest.mark.parametrize("shell", ["dash", "bash", "posh"])


@dataclass(frozen=True)
class Machine:
    """Folder with an automount point `auto`, links that lead to it or elsewhere, and a list of mounts."""

    folder: Path
    shell: str
    lines: tuple[str, ...]

    def run(self, *argv: str, sudo: bool = False, may_hang: bool = True) -> Answer:
        """Run one probe between two others, which must be answered. `@` in an argument is the folder."""
        probe = Command(tuple(word.replace("@", str(self.folder)) for word in argv), may_hang, sudo)
        others = (Command(("echo", "1")), Command(("echo", "2"), may_hang=True))
        mounts = self.folder / "mountinfo"
        mounts.write_text("".join(f"{line}\n" for line in (ROOT, BINFMT, *self.lines)))
        text = build_script((others[0], probe, others[1]), MARKER).replace(MOUNTINFO, str(mounts))
        done = subprocess.run([self.shell], input=text.encode(), capture_output=True, check=False)
        assert done.stderr == b""
        reader = BatchReader((others[0], probe, others[1]), MARKER)
        reader.feed(done.stdout)
        answers = reader.answers("incomplete")
        assert [answers[other] for other in others] == [Answered("1\n"), Answered("2\n")]
        return answers[probe]

    def blocks(self, *argv: str, point: str = "auto") -> bool:
        """Return whether the guard blocks a probe; the reason must name `point`."""
        answer = self.run(*argv)
        if isinstance(answer, Answered):
            return False
        assert answer == blocked_answer(self.folder / point, argv[0])
        return True


def blocked_answer(point: Path, program: str) -> Unanswered:
    return Unanswered(
        f"{point} is an automount point that is not mounted, and {program} was not run because it could mount it"
    )


def autofs_line(number: int, path: str, parent: int = 20) -> str:
    return f"{number} {parent} 0:{number} / {path} rw,relatime shared:9 - autofs systemd-1 rw,fd=50,direct"


def mount_line(number: int, path: str, parent: int) -> str:
    return f"{number} {parent} 8:2 / {path} rw,relatime shared:8 master:2 - ext4 /dev/sdb1 rw"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("auto/sub", "plain/deep/er", "around/x", "trees/to", "trees/past", "trees/two"):
        (tmp_path / name).mkdir(parents=True)
    for file in ("auto/file", "plain/file", "auto/sub/file", "around/file"):
        (tmp_path / file).write_text("content\n")
    links: dict[str, Path | str] = {
        "absolute": tmp_path / "auto",
        "relative": "plain/../auto/sub",
        "chain": "relative",
        "plain/up": "../auto",
        "harmless": "plain",
        "loop": "loop",
        "trees/to/link": "../../chain/file",
        "trees/past/link": "../../harmless/file",
        "trees/two/link": "../to",
    }
    for link, target in links.items():
        (tmp_path / link).symlink_to(target)
    return tmp_path


@pytest.fixture
def machine(folder: Path, shell: str) -> Machine:
    return Machine(folder, shell, (autofs_line(50, f"{folder}/auto"),))


@pytest.mark.parametrize(
    "path",
    [
        *("@/auto", "@/auto/", "@//auto/./file", "@/auto/sub/file", "@/auto/absent", "@/auto/sub/../../plain"),
        *("@/absolute", "@/absolute/file", "@/relative/file", "@/chain", "@/plain/up", "@/plain/deep/../up/file"),
        *("@/plain/../auto", "@/harmless/up", "@/plain/absent/../../auto"),
    ],
)
def test_path_to_an_automount_point_is_blocked(machine: Machine, path: str) -> None:
    for argv in (("cat", path), ("df", "-B1", path), ("stat", "-L", "--", "@/plain", path), ("git", "-C", path)):
        assert machine.blocks(*argv)
    assert machine.blocks("sh", "-c", 'cat "$1"', "sh", path)
    assert machine.blocks("cat", f"--file={path}")


@pytest.mark.parametrize(
    "path", ["@/plain/file", "@/harmless/deep", "@/around/../plain", "@/autos", "@/loop", "@/absent/x", "/", "@"]
)
def test_other_paths_are_not_blocked(machine: Machine, path: str) -> None:
    assert not machine.blocks("cat", path)
    assert not machine.blocks("df", "-B1", path)
    assert not machine.blocks("cat", "auto", "x=@/auto", "-")


def test_point_below_a_path_blocks_tree_walks(machine: Machine) -> None:
    for argv in (
        ("find", "@", "-name", "x"),
        ("find", "@/", "-depth", "-maxdepth", "1"),
        ("find", "/", "-maxdepth", "1"),
        ("grep", "-r", "x", "--", "@"),
        ("sh", "-c", "cd -- $1 && find .", "sh", "@"),
        ("sh", "-c", 'git -C "$1" status', "sh", "@/plain/.."),
    ):
        assert machine.blocks(*argv)
    assert not machine.blocks("find", "@", "-maxdepth", "0")
    assert not machine.blocks("find", "@/around", "-name", "x", "-newer", "/proc/self/stat")
    assert not machine.blocks("stat", "@")


def test_link_in_a_tree_blocks_programs_that_resolve_links(machine: Machine) -> None:
    for argv in (
        ("find", "@/trees/to", "-printf", "%Y"),
        ("find", "-L", "@/trees/to/", "-maxdepth", "1"),
        ("grep", "-R", "x", "--", "@/trees/to"),
        ("sh", "-c", 'cd -- "$1" && find . -exec cat {} +', "sh", "@/trees/to"),
    ):
        assert machine.blocks(*argv)
    assert not machine.blocks("find", "@/trees/past", "-printf", "%Y")
    assert not machine.blocks("grep", "-r", "content", "@/trees/to")
    assert machine.blocks("find", "@/trees", "-maxdepth", "2", "-printf", "%Y")
    assert not machine.blocks("find", "@/trees", "-maxdepth", "1", "-printf", "%Y")


def test_links_are_followed_if_the_program_follows_them(machine: Machine) -> None:
    assert machine.blocks("find", "-L", "@/trees/two", "-maxdepth", "2")
    assert machine.blocks("grep", "-R", "x", "--", "@/trees/two")
    assert not machine.blocks("find", "@/trees/two", "-printf", "%Y")
    (machine.folder / "circle").mkdir()
    (machine.folder / "circle" / "back").symlink_to(".")
    assert not machine.blocks("find", "-L", "@/circle", "-maxdepth", "2")
    (machine.folder / "circle" / "above").symlink_to("..")
    assert machine.blocks("find", "-L", "@/circle", "-maxdepth", "2")


def test_hanging_search_for_links_blocks_the_probe(
    folder: Path, shell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("olaudit.transport.batch.COMMAND_SECONDS", 1)
    (folder / "find").write_text("#!/bin/sh\nsleep 30\n")
    (folder / "find").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    assert Machine(folder, shell, (autofs_line(50, f"{folder}/auto"),)).blocks("find", "@/around")


def test_probe_without_a_stream_is_blocked(machine: Machine) -> None:
    answer = machine.run("cat", "@/auto/file", may_hang=False)
    assert answer == blocked_answer(machine.folder / "auto", "cat")
    assert isinstance(machine.run("cat", "@/plain/file", may_hang=False), Answered)


def test_probe_with_sudo_is_blocked(machine: Machine) -> None:
    assert machine.run("cat", "@/auto/file", sudo=True) == blocked_answer(machine.folder / "auto", "cat")
    answer = machine.run("find", "@/trees/to", sudo=True)
    assert answer == blocked_answer(machine.folder / "auto", "find")


def test_mounted_point_blocks_no_probe(folder: Path, shell: str) -> None:
    for lines in (
        (autofs_line(50, f"{folder}/auto"), mount_line(60, f"{folder}/auto", 50)),
        (mount_line(60, f"{folder}/auto", 50), autofs_line(50, f"{folder}/auto")),
    ):
        machine = Machine(folder, shell, lines)
        assert machine.run("cat", "@/chain/file") == Answered("content\n")
        assert machine.run("find", "@", "-name", "er", "-printf", "%f") == Answered("er")


def test_point_is_mounted_only_by_a_mount_on_top_of_it(folder: Path, shell: str) -> None:
    """An older mount is below the point. A mount with the same path elsewhere has another parent."""
    machine = Machine(
        folder,
        shell,
        (mount_line(45, f"{folder}/auto", 20), autofs_line(50, f"{folder}/auto", 45), autofs_line(51, "/x")),
    )
    assert machine.blocks("cat", "@/auto/file")
    stacked = (
        autofs_line(50, f"{folder}/auto"),
        mount_line(60, f"{folder}/auto", 50),
        autofs_line(70, f"{folder}/auto", 60),
    )
    assert Machine(folder, shell, stacked).blocks("cat", "@/auto/file")


def test_mount_below_an_indirect_point_is_not_blocked(folder: Path, shell: str) -> None:
    machine = Machine(folder, shell, (autofs_line(50, f"{folder}/auto"), mount_line(60, f"{folder}/auto/sub", 50)))
    assert machine.run("cat", "@/chain/file") == Answered("content\n")
    assert machine.blocks("cat", "@/auto/sub/../file")
    assert machine.blocks("cat", "@/auto/other")


def test_mount_paths_are_decoded_and_compared_literally(folder: Path, shell: str) -> None:
    for name, coded in (("a b", "a\\040b"), ("a\\040b", "a\\134040b"), ("*", "*"), ("[a]", "[a]"), ("%s", "%s")):
        (folder / name).mkdir()
        machine = Machine(
            folder, shell, (autofs_line(50, f"{folder}/{coded}"), autofs_line(51, f"{folder}/q\\134"))
        )
        assert machine.blocks("cat", f"@/{name}/x", point=name)
        assert machine.blocks("cat", "@/plain/file", f"@/{name}", point=name)
        assert not machine.blocks("cat", "@/plain/file")
        (folder / name).rmdir()


def test_reason_names_the_point_among_many(folder: Path, shell: str) -> None:
    points = tuple(autofs_line(100 + n, f"{folder}/p{n}") for n in range(40))
    machine = Machine(folder, shell, (*points, mount_line(500, f"{folder}/p7", 107)))
    assert machine.blocks("cat", "@/p33/x", point="p33")
    assert not machine.blocks("cat", "@/p7/x")


def test_host_without_automount_points_runs_one_grep(tmp_path: Path, shell: str) -> None:
    """The only point may be binfmt_misc, as on nearly every host with systemd."""
    log = tmp_path / "log"
    for program in ("cat", "find", "grep", "readlink", "sed", "timeout"):
        wrapper = tmp_path / program
        real = shutil.which(program, path="/usr/bin:/bin")
        wrapper.write_text(f'#!/bin/dash\necho "{program} $*" >>{log}\nexec {real} "$@"\n')
        wrapper.chmod(0o755)
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"{ROOT}\n{BINFMT}\n")
    probe = Command(("cat", "/dev/null"))
    text = build_script((probe,), MARKER).replace(MOUNTINFO, str(mounts))
    env = {"PATH": f"{tmp_path}:{os.defpath}", "U": "\n/dev\n", "P": "x", "B": "y"}
    subprocess.run([f"/bin/{shell}"], input=text.encode(), env=env, check=True, capture_output=True)
    expected = [f"grep -F  - autofs  {mounts}", "timeout -k 1 10 cat /dev/null", "cat /dev/null"]
    assert log.read_text().splitlines() == expected


def test_no_process_can_end_with_the_blocked_status(shell: str) -> None:
    probe = Command((shell, "-c", f"exit {BLOCKED_STATUS}"))
    done = subprocess.run([shell], input=build_script((probe,), MARKER).encode(), capture_output=True, check=False)
    reader = BatchReader((probe,), MARKER)
    reader.feed(done.stdout)
    answer = reader.answers("none")[probe]
    assert isinstance(answer, Answered)
    assert answer.status < 256
    reader = BatchReader((probe,), MARKER)
    reader.feed(encode_answer(0, Answered("ok", "/1", BLOCKED_STATUS), MARKER))
    assert reader.answers("none")[probe] == blocked_answer(Path("/1"), shell)
