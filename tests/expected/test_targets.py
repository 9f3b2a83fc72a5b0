"""Resolution of the folder of expected files, and of targets."""

from pathlib import Path

import pytest

import olaudit
from olaudit.errors import UsageError
from olaudit.expected import FleetSpec, HostSpec, RetiredHost, find_expected, select_hosts

NAMES = {"ol-db1": ("database",), "ol-web1": ("docker-host",), "ol-web2": ("docker-host",)}
FLEET = FleetSpec(
    root=Path(),
    name="toys",
    domain="us.archive.org",
    revision="",
    hosts={name: HostSpec(name, roles, {}, {}) for name, roles in NAMES.items()},
    retired={"ol-db0": RetiredHost("ol-db1", "internetarchive/olsystem#1")},
)


@pytest.mark.parametrize(
    ("targets", "selected"),
    [
        ([], ["ol-db1", "ol-web1", "ol-web2"]),
        (["ol-web1"], ["ol-web1"]),
        (["ol-web1.us.archive.org"], ["ol-web1"]),
        (["OL-WEB1"], ["ol-web1"]),
        (["ol-web*"], ["ol-web1", "ol-web2"]),
        (["*.us.archive.org"], ["ol-db1", "ol-web1", "ol-web2"]),
        (["ol-web[12]", "ol-web2", "@database"], ["ol-db1", "ol-web1", "ol-web2"]),
        (["@docker-host"], ["ol-web1", "ol-web2"]),
    ],
)
def test_targets_select_hosts_once_in_the_order_of_the_fleet(targets: list[str], selected: list[str]) -> None:
    assert [host.name for host in select_hosts(FLEET, targets)] == selected


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (["ol-wbe1"], "there is no host 'ol-wbe1': did you mean 'ol-web1'?"),
        (["ol-web9.us.archive.org"], "there is no host 'ol-web9.us.archive.org': did you mean 'ol-web2'?"),
        (["zzz"], "there is no host 'zzz'"),
        (
            ["ol-db1", "x*", "@datbase"],
            "no host name matches 'x*'; no host has the role '@datbase': did you mean '@database'?",
        ),
        (["ol-db0"], "ol-db0 is retired: ol-db1 replaced it (internetarchive/olsystem#1)"),
    ],
)
def test_target_that_matches_no_host_is_an_error_with_a_hint(targets: list[str], message: str) -> None:
    with pytest.raises(UsageError) as error:
        select_hosts(FLEET, targets)
    assert error.value.message == message
    assert error.value.hint == "hosts: ol-db1, ol-web1, ol-web2; roles: @database, @docker-host"


def test_option_precedes_variable_precedes_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("option", "variable", "expected"):
        (tmp_path / name).mkdir()
    variable = {"OLAUDIT_EXPECTED": "variable"}
    assert find_expected(Path("option"), variable) == Path("option")
    assert find_expected(None, variable) == Path("variable")
    assert find_expected(None, {"OLAUDIT_EXPECTED": ""}) == Path("expected")


def test_installed_copy_is_the_default_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = find_expected(None, {})
    assert folder == Path(olaudit.__file__).parent / "shipped"
    assert (folder / "fleet.yaml").is_file()


@pytest.mark.parametrize(
    ("option", "environ", "origin"),
    [(Path("missing"), {}, "-e/--expected"), (None, {"OLAUDIT_EXPECTED": "missing"}, "$OLAUDIT_EXPECTED")],
)
def test_named_folder_that_does_not_exist_is_an_error(
    option: Path | None, environ: dict[str, str], origin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "expected").mkdir()
    with pytest.raises(UsageError) as error:
        find_expected(option, environ)
    assert error.value.message == "there is no folder missing"
    assert error.value.hint == f"{origin} must name a folder of expected files"
