"""A path that is not a regular file is an error with a hint, and never blocks."""

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
from olaudit.serve.web_config import read_web_config
from tests.cli.fleet import KERNEL, tools, write_expected


def create(path: Path, kind: str) -> None:
    """Create a `path` that is not a regular file of limited size."""
    path.unlink(missing_ok=True)
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as listening:
                previous = Path.cwd()
                os.chdir(path.parent)  # the length of a socket's path is limited
                listening.bind(path.name)
                os.chdir(previous)
        case "loop":
            path.symlink_to(path.name)
        case "large":
            with path.open("wb") as file:
                file.truncate(2 << 20)
        case _:
            path.symlink_to(kind)


REASONS = {
    "fifo": "it is a named pipe (FIFO)",
    "socket": "it is a socket",
    "loop": "Too many levels of symbolic links",
    "large": "it is larger than the limit of 1 MiB",
    "/dev/zero": "it is a character device",
    "/dev/tty": "it is a character device",
    "/": "Is a directory",
    "nowhere": "No such file or directory",
}


@pytest.mark.parametrize(("kind", "reason"), REASONS.items())
def test_only_regular_files_of_limited_size_are_read(tmp_path: Path, kind: str, reason: str) -> None:
    create(tmp_path / "x", kind)
    with pytest.raises(OSError) as error:  # noqa: PT011 - the assertion checks its text
        read_regular(tmp_path / "x")
    assert reason in str(error.value.strerror)


def test_size_limit_applies_to_proc_files() -> None:
    assert read_regular(Path("/proc/self/status"))
    with pytest.raises(OSError, match="larger than the limit of 0 MiB"):
        read_regular(Path("/proc/self/status"), 10)


@pytest.mark.parametrize("file", ["fleet.yaml", "roles/all.yaml", "hosts/ol-a.yaml", "waivers.yaml"])
@pytest.mark.parametrize(("kind", "reason"), [item for item in REASONS.items() if item[0] != "/"])
def test_special_file_as_expected_file_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, kind: str, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    root = write_expected(tmp_path / "expected", "ol-a", "ol-b")
    (root / "roles").mkdir(exist_ok=True)
    create(root / file, kind)
    with pytest.raises(ExpectedError) as error:
        load(root, [KERNEL])
    problem = next(problem for problem in error.value.problems if problem.file.endswith(file))
    assert problem.line == 0
    assert reason in problem.message


@pytest.mark.parametrize("option", ["--replay", "--ssh-config"])
@pytest.mark.parametrize("kind", ["fifo", "socket", "loop", "/dev/zero", "/"])
@pytest.mark.usefixtures("expected")
def test_special_file_as_option_value_is_wrong_usage(
    tmp_path: Path, option: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    create(tmp_path / "x", kind)
    assert main(["check", option, "x"], tools(dict.fromkeys(("ol-a", "ol-b", "ol-c"), "Linux"))) == 2
    assert capsys.readouterr().err.count("olaudit: ") == 1


@pytest.mark.parametrize("kind", ["fifo", "socket", "/dev/zero"])
def test_special_file_as_web_configuration_is_an_error(expected: Path, kind: str) -> None:
    create(expected.parent / "web.yaml", kind)
    process = subprocess.run(
        [sys.executable, "-m", "olaudit", "serve", "--listen", "127.0.0.1:0", "--web.config.file", "web.yaml"],
        cwd=expected.parent, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert process.returncode == 2
    assert "a regular file is needed here" in process.stderr


BOMBS = {
    "aliases": "a: &a [x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n",
    "merges": "a: &a {x: 1}\nb: {<<: [*a, *a]}\n",
    "lists": "[" * 50_000,
    "mappings": "{a: " * 20_000,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_yaml_bomb_in_expected_files_is_an_error(tmp_path: Path, bomb: str) -> None:
    root = write_expected(tmp_path / "expected", "ol-a", "ol-b")
    (root / "hosts/ol-a.yaml").write_text(BOMBS[bomb])
    with pytest.raises(ExpectedError) as error:
        load(root, [KERNEL])
    assert any(problem.file.endswith("ol-a.yaml") for problem in error.value.problems)


@pytest.mark.parametrize("bomb", BOMBS)
def test_yaml_bomb_in_web_configuration_is_an_error(tmp_path: Path, bomb: str) -> None:
    (tmp_path / "web.yaml").write_text(BOMBS[bomb])
    with pytest.raises(UsageError, match=r"web\.yaml"):
        read_web_config(tmp_path / "web.yaml")
