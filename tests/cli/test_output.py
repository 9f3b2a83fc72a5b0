from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from olaudit.cli.output import check_places, emit, stdout_style, write_file
from olaudit.errors import UsageError


@pytest.mark.parametrize(
    ("color", "environ", "terminal", "wanted"),
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
def test_colours_are_for_terminals_unless_somebody_says_otherwise(
    color: str, environ: dict[str, str], terminal: bool, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal, raising=False)
    assert stdout_style(color, environ, everything=False).color is wanted


@pytest.mark.parametrize(("columns", "width"), [("", 80), ("100", 100), ("300", 120)])
def test_the_width_is_the_terminals_up_to_what_can_be_read(
    columns: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr("sys.__stdout__", None)
    assert stdout_style("auto", {}, everything=True).width == width


def test_a_written_file_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_file(tmp_path / "x", "ż\n")
    finally:
        os.umask(before)
    assert (tmp_path / "x").read_bytes() == "ż\n".encode()
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o644


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    write_file(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "x"


def test_what_cannot_be_written_in_full_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_file(tmp_path / "x", "\ud800")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_text() == "old"


def test_a_device_is_written_to_and_not_replaced() -> None:
    check_places([Path("/dev/null")])
    write_file(Path("/dev/null"), "x")
    assert Path("/dev/null").is_char_device()


def test_a_file_that_cannot_be_written_is_an_error_that_says_why() -> None:
    with pytest.raises(UsageError, match=r"^/dev/full cannot be written: No space left on device$"):
        write_file(Path("/dev/full"), "x" * 100_000)


def test_a_folder_one_may_not_write_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(UsageError, match="permission denied"):
        check_places([tmp_path / "x"])


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        emit("x" * 100_000, stream)


def test_a_full_disk_under_stdout_is_an_error() -> None:
    with (
        Path("/dev/full").open("w") as stream,
        pytest.raises(UsageError, match=r"^the results cannot be written to stdout: No space left on device$"),
    ):
        emit("x", stream)
