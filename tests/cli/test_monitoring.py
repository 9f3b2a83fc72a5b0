from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import yaml

from olaudit.cli import main
from tests.cli.fleet import tools
from tests.promtool import promtool

FILES = {
    "alerts.yaml",
    "rules.yaml",
    "tests.yaml",
    "prometheus-serve.yaml",
    "prometheus-textfile.yaml",
    "prometheus-probe.yaml",
    "prometheus-sharded.yaml",
    "grafana/provisioning/dashboards/olaudit.yaml",
    "grafana/provisioning/datasources/olaudit.yaml",
    "runbooks/OlauditDrift.md",
    "runbooks/OlauditHostUnknown.md",
}


def _write(*arguments: str | Path) -> int:
    return main(["monitoring", *map(str, arguments)], tools({}))


def _files(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_all_files_are_written_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "folder"
    assert _write(folder) == 0
    files = _files(folder)
    assert files.keys() >= FILES
    assert capsys.readouterr().out.splitlines() == [f"wrote      {folder / name}" for name in sorted(files)]
    for alert in yaml.safe_load(files["alerts.yaml"])["groups"][0]["rules"]:
        assert alert["annotations"]["runbook_url"] in files


def test_promtool_accepts_the_written_files(tmp_path: Path) -> None:
    assert _write(tmp_path, "--runbook-url", "https://wiki.example.org/olaudit/") == 0
    assert "https://wiki.example.org/olaudit/OlauditDrift.md" in (tmp_path / "alerts.yaml").read_text()
    assert "SUCCESS" in promtool("check", "config", tmp_path / "prometheus-sharded.yaml")
    assert "SUCCESS" in promtool("test", "rules", tmp_path / "tests.yaml")


def test_second_run_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(tmp_path)
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*")}
    capsys.readouterr()
    assert _write(tmp_path) == 0
    assert all(line.startswith("unchanged  ") for line in capsys.readouterr().out.splitlines())
    assert {path: path.stat().st_ino for path in tmp_path.rglob("*")} == before


def test_changed_file_prevents_all_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "alerts.yaml").write_text("mine\n")
    assert _write(tmp_path) == 2
    assert _files(tmp_path) == {"alerts.yaml": "mine\n"}
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"{tmp_path}/alerts.yaml exists and differs: nothing was written" in captured.err
    assert "overwrite with --force" in captured.err


def test_force_overwrites_changed_files(tmp_path: Path) -> None:
    (tmp_path / "alerts.yaml").write_bytes(b"mine \xff\n")
    assert _write(tmp_path, "--force") == 0
    assert "OlauditDrift" in (tmp_path / "alerts.yaml").read_text()


def test_folder_in_place_of_a_file_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "alerts.yaml").mkdir()
    assert _write(tmp_path, "--force") == 2
    assert f"{tmp_path}/alerts.yaml cannot be read: Is a directory" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["grafana", "file"])
def test_file_in_place_of_a_folder_is_an_error(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text("")
    folder = tmp_path / "file" / "below" if name == "file" else tmp_path
    assert _write(folder) == 2
    assert "Not a directory" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["", "/", "a b", "it's", "{{ evil }}"])
def test_invalid_runbook_url_is_an_error(tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _write(tmp_path, "--runbook-url", url) == 2
    assert f"{url!r} is not a URL of runbooks" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("expected")
def test_metrics_file_is_readable_by_node_exporter(tmp_path: Path) -> None:
    folder = tmp_path / "textfiles"
    folder.mkdir()
    before = os.umask(0o022)
    try:
        script = {"ol-a": "Linux", "ol-b": "Linux", "ol-c": "Hurd"}
        assert main(["check", "-o", f"prometheus={folder / 'olaudit.prom'}"], tools(script)) == 1
    finally:
        os.umask(before)
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    text = file.read_text()
    assert 'olaudit_drift{check="kernel.name",host="ol-c",severity="warning",subject="kernel"} 1.0' in text
    assert promtool("check", "metrics", stdin=text) == ""
