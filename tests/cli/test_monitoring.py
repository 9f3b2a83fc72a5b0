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


def _there(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_it_writes_everything_and_says_what(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "folder"
    assert _write(folder) == 0
    there = _there(folder)
    assert there.keys() >= FILES
    assert capsys.readouterr().out.splitlines() == [f"wrote      {folder / name}" for name in sorted(there)]
    for alert in yaml.safe_load(there["alerts.yaml"])["groups"][0]["rules"]:
        assert alert["annotations"]["runbook_url"] in there


def test_what_it_writes_is_what_prometheus_takes_and_its_tests_hold(tmp_path: Path) -> None:
    assert _write(tmp_path, "--runbook-url", "https://wiki.example.org/olaudit/") == 0
    assert "https://wiki.example.org/olaudit/OlauditDrift.md" in (tmp_path / "alerts.yaml").read_text()
    assert "SUCCESS" in promtool("check", "config", tmp_path / "prometheus-sharded.yaml")
    assert "SUCCESS" in promtool("test", "rules", tmp_path / "tests.yaml")


def test_the_second_time_there_is_nothing_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(tmp_path)
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*")}
    capsys.readouterr()
    assert _write(tmp_path) == 0
    assert all(line.startswith("unchanged  ") for line in capsys.readouterr().out.splitlines())
    assert {path: path.stat().st_ino for path in tmp_path.rglob("*")} == before


def test_a_changed_file_is_kept_and_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "alerts.yaml").write_text("mine\n")
    assert _write(tmp_path) == 2
    assert _there(tmp_path) == {"alerts.yaml": "mine\n"}
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{tmp_path}/alerts.yaml is there, and differs: nothing was written" in said.err
    assert "--force overwrites" in said.err


def test_force_overwrites_what_was_changed(tmp_path: Path) -> None:
    (tmp_path / "alerts.yaml").write_bytes(b"mine \xff\n")
    assert _write(tmp_path, "--force") == 0
    assert "OlauditDrift" in (tmp_path / "alerts.yaml").read_text()


def test_a_folder_in_the_place_of_a_file_is_an_error_that_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "alerts.yaml").mkdir()
    assert _write(tmp_path, "--force") == 2
    assert f"{tmp_path}/alerts.yaml cannot be read: Is a directory" in capsys.readouterr().err


@pytest.mark.parametrize("there", ["grafana", "file"])
def test_a_file_in_the_place_of_a_folder_is_an_error_that_says_so(
    tmp_path: Path, there: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / there).write_text("")
    folder = tmp_path / "file" / "below" if there == "file" else tmp_path
    assert _write(folder) == 2
    assert "Not a directory" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["", "/", "a b", "it's", "{{ evil }}"])
def test_an_address_that_is_none_is_an_error(tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _write(tmp_path, "--runbook-url", url) == 2
    assert f"{url!r} is no address of runbooks" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("expected")
def test_metrics_in_a_file_can_be_read_by_node_exporter_and_nothing_else_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "textfiles"
    folder.mkdir()
    before = os.umask(0o022)
    try:
        said = {"ol-a": "Linux", "ol-b": "Linux", "ol-c": "Hurd"}
        assert main(["check", "-o", f"prometheus={folder / 'olaudit.prom'}"], tools(said)) == 1
    finally:
        os.umask(before)
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    text = file.read_text()
    assert 'olaudit_drift{check="kernel.name",host="ol-c",severity="warning",subject="kernel"} 1.0' in text
    assert promtool("check", "metrics", stdin=text) == ""
