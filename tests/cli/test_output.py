from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from olaudit.cli.output import CONFIDENTIAL, PRIVATE, check_output_files, emit, mode_of, stdout_style, write_file
from olaudit.errors import OutputError, UsageError


@pytest.mark.parametrize(
    ("color", "environ", "terminal", "use_color"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"TERM": "dumb"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {}, True, False),
    ],
)
def test_color_depends_on_option_environment_and_terminal(
    color: str, environ: dict[str, str], terminal: bool, use_color: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal, raising=False)
    assert stdout_style(color, environ, everything=False).color is use_color


@pytest.mark.parametrize(("columns", "width"), [("", 80), ("100", 100), ("300", 120)])
def test_width_is_that_of_the_terminal_up_to_a_limit(
    columns: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr("sys.__stdout__", None)
    assert stdout_style("auto", {}, everything=True).width == width


def mode_bits(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0)
    yield os.umask
    os.umask(before)


@pytest.mark.parametrize(
    ("mask", "mode", "result"),
    [
        (0o000, CONFIDENTIAL, 0o640),
        (0o022, CONFIDENTIAL, 0o640),
        (0o077, CONFIDENTIAL, 0o600),
        (0o000, PRIVATE, 0o600),
        (0o022, mode_of("prometheus"), 0o644),
        (0o027, mode_of("prometheus"), 0o640),
    ],
)
def test_mode_of_a_new_file_depends_on_its_content(
    tmp_path: Path, umask: Callable[[int], int], mask: int, mode: int, result: int
) -> None:
    umask(mask)
    write_file(tmp_path / "x", "ż\n", mode)
    assert (tmp_path / "x").read_bytes() == "ż\n".encode()
    assert mode_bits(tmp_path / "x") == result


@pytest.mark.parametrize(
    ("before", "after"), [(0o644, 0o644), (0o600, 0o600), (0o666, 0o644), (0o777, 0o644), (0o400, 0o600)]
)
def test_read_permissions_of_an_own_file_are_kept(tmp_path: Path, before: int, after: int) -> None:
    file = tmp_path / "x"
    file.touch()
    file.chmod(before)
    write_file(file, "new")
    assert mode_bits(file) == after
    write_file(file, "private", PRIVATE)
    assert mode_bits(file) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_permissions_of_another_users_file_are_ignored(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.touch()
    file.chmod(0o666)
    os.chown(file, 65534, 65534)
    write_file(file, "new")
    assert mode_bits(file) == 0o640
    assert file.stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_symbolic_link_of_another_user_is_not_followed(tmp_path: Path) -> None:
    victim, link = tmp_path / "victim", tmp_path / "link"
    victim.write_text("precious")
    link.symlink_to(victim)
    os.lchown(link, 65534, 65534)
    with pytest.raises(UsageError, match="symbolic link of another user"):
        check_output_files([link])
    with pytest.raises(OutputError, match="symbolic link of another user"):
        write_file(link, "x")
    assert victim.read_text() == "precious"
    write_file(link, "x", follow=False)
    assert (victim.read_text(), link.is_symlink(), link.read_text()) == ("precious", False, "x")


def test_symbolic_link_loop_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(UsageError, match="Too many levels of symbolic links"):
        check_output_files([tmp_path / "a"])


def test_pipe_without_a_reader_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="no process reads"):
        write_file(tmp_path / "pipe", "x")


def test_pipe_can_be_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_file(tmp_path / "pipe", "x")
    assert os.read(reader, 9) == b"x"
    os.close(reader)


def test_file_behind_stdout_is_not_replaced(tmp_path: Path) -> None:
    program = (
        "from olaudit.cli.output import write_file; from pathlib import Path; write_file(Path('/dev/stdout'), 'x')"
    )
    with (tmp_path / "out").open("w") as out:
        subprocess.run([sys.executable, "-c", program], stdout=out, check=True)
        assert os.fstat(out.fileno()).st_ino == (tmp_path / "out").stat().st_ino
    assert (tmp_path / "out").read_text() == "x"


def test_symbolic_link_is_kept(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    write_file(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "x"


def test_failed_write_keeps_the_old_content(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_file(tmp_path / "x", "\ud800")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_text() == "old"


def test_device_is_not_replaced() -> None:
    check_output_files([Path("/dev/null")])
    write_file(Path("/dev/null"), "x")
    assert Path("/dev/null").is_char_device()


def test_write_error_contains_the_reason() -> None:
    with pytest.raises(OutputError, match=r"^/dev/full cannot be written: No space left on device$"):
        write_file(Path("/dev/full"), "x" * 100_000)


def test_folder_without_write_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(UsageError, match="permission denied"):
        check_output_files([tmp_path / "x"])


def test_closed_pipe_is_not_an_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        emit("x" * 100_000, stream)


def test_full_disk_behind_stdout_is_an_error() -> None:
    with (
        Path("/dev/full").open("w") as stream,
        pytest.raises(OutputError, match=r"^the results cannot be written to stdout: No space left on device$"),
    ):
        emit("x", stream)
