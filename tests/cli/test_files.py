"""Whatever a user names instead of a file is an error that says what to do, and never a hang."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from olaudit.cli import main
from olaudit.errors import ExpectedError, UsageError
from olaudit.expected import load
from olaudit.files import read_regular
from olaudit.serve.web_config import read
from tests.cli.fleet import KERNEL, tools, write_expected


def put(path: Path, kind: str) -> None:
    """Make something at `path` that is no regular file of a reasonable size."""
    path.unlink(missing_ok=True)
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as listening:
                here = Path.cwd()
                os.chdir(path.parent)  # the path of a socket is short
                listening.bind(path.name)
                os.chdir(here)
        case "loop":
            path.symlink_to(path.name)
        case "large":
            with path.open("wb") as file:
                file.truncate(2 << 20)
        case _:
            path.symlink_to(kind)


WRONG = {
    "fifo": "it is a named pipe (FIFO)",
    "socket": "it is a socket",
    "loop": "Too many levels of symbolic links",
    "large": "it is larger than 1 MiB",
    "/dev/zero": "it is a character device",
    "/dev/tty": "it is a character device",
    "/": "Is a directory",
    "nowhere": "No such file or directory",
}


@pytest.mark.parametrize(("kind", "reason"), WRONG.items())
def test_only_a_regular_file_of_bounded_size_is_read(tmp_path: Path, kind: str, reason: str) -> None:
    put(tmp_path / "x", kind)
    with pytest.raises(OSError) as error:  # noqa: PT011 - its text is what matters
        read_regular(tmp_path / "x")
    assert reason in str(error.value.strerror)


def test_a_file_of_proc_is_bounded_too() -> None:
    assert read_regular(Path("/proc/self/status"))
    with pytest.raises(OSError, match="larger than 0 MiB"):
        read_regular(Path("/proc/self/status"), 10)


@pytest.mark.parametrize("file", ["fleet.yaml", "roles/all.yaml", "hosts/ol-a.yaml", "waivers.yaml"])
@pytest.mark.parametrize(("kind", "reason"), [item for item in WRONG.items() if item[0] != "/"])
def test_no_file_in_the_place_of_an_expected_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, kind: str, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    root = write_expected(tmp_path / "expected", "ol-a", "ol-b")
    (root / "roles").mkdir(exist_ok=True)
    put(root / file, kind)
    with pytest.raises(ExpectedError) as error:
        load(root, [KERNEL])
    problem = next(problem for problem in error.value.problems if problem.file.endswith(file))
    assert problem.line == 0
    assert reason in problem.message


@pytest.mark.parametrize("option", ["--replay", "--ssh-config"])
@pytest.mark.parametrize("kind", ["fifo", "socket", "loop", "/dev/zero", "/"])
@pytest.mark.usefixtures("expected")
def test_no_file_behind_an_option_is_wrong_usage(
    tmp_path: Path, option: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "x", kind)
    assert main(["check", option, "x"], tools(dict.fromkeys(("ol-a", "ol-b", "ol-c"), "Linux"))) == 2
    assert capsys.readouterr().err.count("olaudit: ") == 1


@pytest.mark.parametrize("kind", ["fifo", "socket", "/dev/zero"])
def test_no_file_in_the_place_of_a_web_configuration(expected: Path, kind: str) -> None:
    put(expected.parent / "web.yaml", kind)
    done = subprocess.run(
        [sys.executable, "-m", "olaudit", "serve", "--listen", "127.0.0.1:0", "--web.config.file", "web.yaml"],
        cwd=expected.parent, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "a regular file is needed here" in done.stderr


BOMBS = {
    "aliases": "a: &a [x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n",
    "merges": "a: &a {x: 1}\nb: {<<: [*a, *a]}\n",
    "lists": "[" * 50_000,
    "mappings": "{a: " * 20_000,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_an_error_in_expected_files(tmp_path: Path, bomb: str) -> None:
    root = write_expected(tmp_path / "expected", "ol-a", "ol-b")
    (root / "hosts/ol-a.yaml").write_text(BOMBS[bomb])
    with pytest.raises(ExpectedError) as error:
        load(root, [KERNEL])
    assert any(problem.file.endswith("ol-a.yaml") for problem in error.value.problems)


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_an_error_in_a_web_configuration(tmp_path: Path, bomb: str) -> None:
    (tmp_path / "web.yaml").write_text(BOMBS[bomb])
    with pytest.raises(UsageError, match=r"web\.yaml"):
        read(tmp_path / "web.yaml")
