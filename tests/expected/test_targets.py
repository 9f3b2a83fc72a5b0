"""Which folder and which hosts a command line means."""

from pathlib import Path

import pytest

import olaudit
from olaudit.errors import UsageError
from olaudit.expected import FleetSpec, HostSpec, Retired, find_expected, select_hosts

NAMES = {"ol-db1": ("database",), "ol-web1": ("docker-host",), "ol-web2": ("docker-host",)}
FLEET = FleetSpec(
    root=Path(),
    name="toys",
    domain="us.archive.org",
    revision="",
    hosts={name: HostSpec(name, roles, {}, {}) for name, roles in NAMES.items()},
    retired={"ol-db0": Retired("ol-db1", "internetarchive/olsystem#1")},
)


@pytest.mark.parametrize(
    ("targets", "chosen"),
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
def test_targets_choose_hosts_once_and_in_the_fleets_order(targets: list[str], chosen: list[str]) -> None:
    assert [host.name for host in select_hosts(FLEET, targets)] == chosen


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (["ol-wbe1"], "there is no host 'ol-wbe1': did you mean 'ol-web1'?"),
        (["ol-web9.us.archive.org"], "there is no host 'ol-web9.us.archive.org': did you mean 'ol-web2'?"),
        (["zzz"], "there is no host 'zzz'"),
        (
            ["ol-db1", "x*", "@datbase"],
            "no host's name fits 'x*'; no host has the role '@datbase': did you mean '@database'?",
        ),
        (["ol-db0"], "ol-db0 is retired: ol-db1 took over (internetarchive/olsystem#1)"),
    ],
)
def test_a_target_that_fits_nothing_is_refused_with_what_there_is(targets: list[str], message: str) -> None:
    with pytest.raises(UsageError) as error:
        select_hosts(FLEET, targets)
    assert error.value.message == message
    assert error.value.hint == "hosts: ol-db1, ol-web1, ol-web2; roles: @database, @docker-host"


def test_the_option_comes_before_the_variable_and_that_before_the_folder_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("option", "variable", "expected"):
        (tmp_path / name).mkdir()
    variable = {"OLAUDIT_EXPECTED": "variable"}
    assert find_expected(Path("option"), variable) == Path("option")
    assert find_expected(None, variable) == Path("variable")
    assert find_expected(None, {"OLAUDIT_EXPECTED": ""}) == Path("expected")


def test_without_any_folder_the_installed_copy_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = find_expected(None, {})
    assert found == Path(olaudit.__file__).parent / "shipped"
    assert (found / "fleet.yaml").is_file()


@pytest.mark.parametrize(
    ("option", "environ", "by"),
    [(Path("gone"), {}, "-e/--expected"), (None, {"OLAUDIT_EXPECTED": "gone"}, "$OLAUDIT_EXPECTED")],
)
def test_a_folder_that_was_named_and_is_not_there_is_refused(
    option: Path | None, environ: dict[str, str], by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "expected").mkdir()
    with pytest.raises(UsageError) as error:
        find_expected(option, environ)
    assert error.value.message == "there is no folder gone"
    assert error.value.hint == f"{by} names it: it must be a folder of expected files"
