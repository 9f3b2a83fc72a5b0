"""Loading of a folder: problems of files, merging of roles and hosts, and the places of values."""

import os
from pathlib import Path
from types import MappingProxyType

import pytest

from olaudit.errors import ExpectedError
from olaudit.expected import HostSpec, RetiredHost, load
from tests.expected.toys import BASE, CHECKERS, Engine, Files, fleet, problems, write


def toy1(root: Path, host: str, common: str = BASE["roles/common.yaml"]) -> HostSpec:
    text = f"host: toy1\nroles: [extra]\n{host}"
    return fleet(root, {"roles/common.yaml": common, "hosts/toy1.yaml": text}).hosts["toy1"]


# --- the folder ---


def test_empty_folder_lacks_fleet_file_and_host_files(tmp_path: Path) -> None:
    with pytest.raises(ExpectedError) as error:
        load(tmp_path, CHECKERS)
    assert error.value.message.replace(f"{tmp_path}/", "") == (
        "fleet.yaml:0: this file is missing: it names the fleet, its domain and its roles\n"
        "hosts:0: there are no host files: write one file per host, such as ol-web1.yaml"
    )


def test_unreadable_file_is_a_problem_with_its_cause(tmp_path: Path) -> None:
    write(tmp_path, {})
    (tmp_path / "roles/lost.yaml").symlink_to("nowhere")
    assert problems(tmp_path, {}) == ["roles/lost.yaml:0: this file cannot be read: No such file or directory"]


def test_unreadable_folder_is_a_problem_with_its_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: Path) -> None:
        raise PermissionError(13, os.strerror(13))

    write(tmp_path, {})
    monkeypatch.setattr(Path, "iterdir", refuse)
    assert "roles:0: this folder cannot be read: Permission denied" in problems(tmp_path, {})


def test_text_that_is_not_utf8_is_a_problem_of_its_line(tmp_path: Path) -> None:
    assert problems(tmp_path, {"roles/extra.yaml": b"# fine\ntitle: caf\xe9\n"}) == [
        "roles/extra.yaml:2: this is not UTF-8 text"
    ]


def test_raw_control_character_is_a_problem_of_its_line(tmp_path: Path) -> None:
    assert problems(tmp_path, {"roles/extra.yaml": "# fine\ntitle: \x1b[31m\n"}) == [
        "roles/extra.yaml:2: control characters are not allowed"
    ]


def test_subfolder_of_hosts_is_a_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, {"hosts/more/toy2.yaml": "host: toy2"}) == [
        "hosts/more:0: subfolders are not read: move files up"
    ]


def test_other_files_are_ignored(tmp_path: Path) -> None:
    others = {"README.md": "#", ".x.yaml": "[", "hosts/.toy1.yaml.swp": "[", "hosts/toy1.yaml~": "["}
    assert problems(tmp_path, {**others, "hosts/.x.yaml": "["}) == []


def test_unknown_top_level_yaml_file_is_a_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, {"waiver.yaml": "[", "tidy.yml": "["}) == [
        "tidy.yml:0: unknown file: expected one of fleet.yaml, waivers.yaml",
        "waiver.yaml:0: unknown file: did you mean 'waivers.yaml'?",
    ]


@pytest.mark.parametrize("name", ["fleet", "waivers"])
def test_two_top_level_files_of_one_name_are_a_problem(name: str, tmp_path: Path) -> None:
    files = {"waivers.yaml": "waivers: []", f"{name}.yml": "x: y"}
    assert problems(tmp_path, files) == [f"{name}.yml:1: {name} is defined twice: {name}.yaml:1 defines it too"]


def test_two_host_files_of_one_name_are_a_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, {"hosts/toy1.yml": "host: toy1"}) == [
        "hosts/toy1.yml:1: toy1 is defined twice: hosts/toy1.yaml:1 defines it too"
    ]


def test_host_defined_in_files_of_two_names_is_a_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, {"hosts/toy2.yaml": "roles: []\nhost: toy1"}) == [
        "hosts/toy2.yaml:2: toy1 is defined twice: hosts/toy1.yaml:1 defines it too"
    ]


def test_two_role_files_of_one_name_are_a_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, {"roles/extra.yml": "{}"}) == [
        "roles/extra.yml:1: extra is defined twice: roles/extra.yaml:1 defines it too"
    ]


def test_problems_have_paths_relative_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "sub" / "expected", {"fleet.yaml": None})
    monkeypatch.chdir(tmp_path)
    for root in (Path("sub/expected"), tmp_path / "sub/expected"):
        with pytest.raises(ExpectedError, match=r"^sub/expected/fleet\.yaml:0: this file is missing"):
            load(root, CHECKERS)


def test_a_long_list_of_choices_is_shortened(tmp_path: Path) -> None:
    hosts = {f"hosts/toy{n}.yaml": f"host: toy{n}\n" for n in range(100, 200)}
    (problem,) = problems(tmp_path, {"fleet.yaml": f"{BASE['fleet.yaml']}rollout: [x]\n", **hosts})
    assert problem.startswith("fleet.yaml:4: unknown host 'x': expected one of toy1, toy100, toy101, ")
    assert problem.endswith(" toy138 and 61 more")


def test_all_problems_of_all_files_are_reported_together(tmp_path: Path) -> None:
    files = {
        "fleet.yaml": "name: 5\nevery_host: [comon]\nrollout: [toy3, toy1, toy1]\nretired: {A: {replaced_by: b}}",
        "roles/extra.yaml": "zzz",
        "roles/unused.yaml": "host: x\nwagon: {size: 0}\n",
        "hosts/toy1.yaml": "host: toy1\nwagon: {size: big, load: {}}",
        "hosts/toy2.yaml": "host: toy2\nroles: {}",
    }
    assert problems(tmp_path, files) == [
        '''fleet.yaml:1: YAML reads 5 as a number: write it in quotes, "5"''',
        "fleet.yaml:1: missing key 'domain'",
        "fleet.yaml:2: unknown role 'comon': did you mean 'common'?",
        "fleet.yaml:3: 'toy1' is listed twice",
        "fleet.yaml:3: unknown host 'toy3': did you mean 'toy2'?",
        "fleet.yaml:4: 'A' is not a valid host name: use lowercase letters, digits, hyphens and dots",
        "hosts/toy1.yaml:2: 'size' must be a whole number, not the text 'big'",
        "hosts/toy2.yaml:2: 'roles' must be a list, not a mapping",
        "roles/extra.yaml:1: this file must be a mapping of keys to values, not a value",
        "roles/unused.yaml:1: unknown key 'host': expected one of box_defaults, boxes, lengths, title, wagon",
        "roles/unused.yaml:2: 'size' must be at least 1, not 0",
    ]


def test_invalid_fleet_file_does_not_hide_other_problems(tmp_path: Path) -> None:
    files = {"fleet.yaml": "name: @", "hosts/toy1.yaml": "host: toy1\nwagon: {flag: 2}"}
    assert problems(tmp_path, files) == [
        "fleet.yaml:1: invalid YAML: found character '@' that cannot start any token",
        "hosts/toy1.yaml:2: 'flag' must be true or false, not the number 2",
    ]


def test_problem_of_a_role_is_reported_once(tmp_path: Path) -> None:
    files = {"roles/common.yaml": "title: '{host}'\nwagon: {code: '{host}'}", "hosts/toy2.yaml": "host: toy2"}
    assert problems(tmp_path, files) == ["roles/common.yaml:2: 'code' must match pattern '^[a-z]+$', not '{host}'"]


def test_missing_key_of_a_role_is_reported_once(tmp_path: Path) -> None:
    files = {"roles/common.yaml": "wagon: {load: {water: 1}}", "hosts/toy2.yaml": "host: toy2"}
    assert problems(tmp_path, files) == ["roles/common.yaml:1: missing key 'coal'"]


def test_host_with_a_retired_name_is_a_problem(tmp_path: Path) -> None:
    head = "name: toys\ndomain: example.org\nretired: {toy1: {replaced_by: toy2}}\n"
    assert problems(tmp_path, {"fleet.yaml": head}) == ["hosts/toy1.yaml:1: toy1 is retired in fleet.yaml"]


# --- merging ---


def test_roles_and_host_are_merged_in_order_key_by_key(tmp_path: Path) -> None:
    common = "wagon: {size: 2, text: below, names: [a, b], load: {coal: 1, water: 2}}\nlengths: {a: 4, b: 6}\n"
    host = toy1(tmp_path, "wagon: {text: above, names: [c], load: {coal: 9}}", common)
    assert host.roles == ("common", "extra")
    wagon = host.sections["wagon"]
    assert (wagon.size, wagon.text, wagon.names) == (2, "above", ("c",))
    assert (wagon.load.coal, wagon.load.water) == (9, 2)
    assert host.sections["lengths"] == {"a": 2, "b": 6}


def test_bare_value_replaces_a_value_with_alternatives(tmp_path: Path) -> None:
    host = toy1(tmp_path, "title: own", "title: {value: common, accept: [other], note: why}")
    assert host.sections["title"].values == ("own",)


def test_host_can_add_alternatives_to_a_value_of_a_role(tmp_path: Path) -> None:
    host = toy1(tmp_path, "title: {accept: [more]}", "title: {value: common, accept: [other]}")
    assert host.sections["title"].values == ("common", "more")


def test_placeholders_are_replaced_in_keys_and_values(tmp_path: Path) -> None:
    common = "title: {value: '{host}', accept: ['{host}.{domain}']}\nlengths: {'{host}': 4}"
    host = toy1(tmp_path, "lengths: {toy1: 8}", common)
    assert host.sections["title"].values == ("toy1", "toy1.example.org")
    assert host.sections["lengths"] == {"toy1": 8, "a": 2}


def test_undefined_section_is_absent_and_empty_list_is_present(tmp_path: Path) -> None:
    assert set(toy1(tmp_path, "").sections) == {"wagon", "lengths"}
    assert toy1(tmp_path, "boxes: []").sections["boxes"] == ()


def test_defaults_complete_items_and_are_not_a_section(tmp_path: Path) -> None:
    host = toy1(
        tmp_path,
        "boxes:\n- {name: a}\n- name: b\n  colour: blue\nbox_defaults: {weight: 7}",
        "box_defaults: {colour: red, weight: 1}",
    )
    assert [(box.colour, box.weight) for box in host.sections["boxes"]] == [("red", 7), ("blue", 7)]
    assert "box_defaults" not in host.sections


def test_problem_of_defaults_is_reported_once_at_their_place(tmp_path: Path) -> None:
    files = {
        "roles/common.yaml": "box_defaults:\n  weight: x",
        "hosts/toy1.yaml": "host: toy1\nboxes: [{name: a}]",
    }
    assert problems(tmp_path, files) == ["roles/common.yaml:2: 'weight' must be a whole number, not the text 'x'"]


def test_plain_scalars_are_typed_and_dates_are_text(tmp_path: Path) -> None:
    host = toy1(
        tmp_path, "wagon: {text: 2026-11-22, size: 7, ratio: 20.04, flag: true, engine: diesel, names: ['0644']}"
    )
    wagon = host.sections["wagon"]
    assert (wagon.text, wagon.size, wagon.ratio, wagon.flag) == ("2026-11-22", 7, 20.04, True)
    assert (wagon.engine, wagon.names) == (Engine.DIESEL, ("0644",))


# --- places ---


def test_each_value_has_its_file_and_line(tmp_path: Path) -> None:
    host = toy1(
        tmp_path,
        "boxes:\n- name: a\n  label:\n    value: x\n    accept:\n    - y\n- name: b\nwagon:\n  text: mine",
        "wagon:\n  size: 2\nbox_defaults:\n\n  colour: red\n",
    )
    assert {at: str(place) for at, place in host.places.items()} == {
        (): "expected/hosts/toy1.yaml:1",
        ("host",): "expected/hosts/toy1.yaml:1",
        ("roles",): "expected/hosts/toy1.yaml:2",
        ("roles", 0): "expected/hosts/toy1.yaml:2",
        ("boxes",): "expected/hosts/toy1.yaml:3",
        ("boxes", 0): "expected/hosts/toy1.yaml:4",
        ("boxes", 0, "name"): "expected/hosts/toy1.yaml:4",
        ("boxes", 0, "label"): "expected/hosts/toy1.yaml:5",
        ("boxes", 0, "label", "value"): "expected/hosts/toy1.yaml:6",
        ("boxes", 0, "label", "accept"): "expected/hosts/toy1.yaml:7",
        ("boxes", 0, "label", "accept", 0): "expected/hosts/toy1.yaml:8",
        ("boxes", 0, "colour"): "expected/roles/common.yaml:5",
        ("boxes", 1): "expected/hosts/toy1.yaml:9",
        ("boxes", 1, "name"): "expected/hosts/toy1.yaml:9",
        ("boxes", 1, "colour"): "expected/roles/common.yaml:5",
        ("box_defaults",): "expected/roles/common.yaml:3",
        ("box_defaults", "colour"): "expected/roles/common.yaml:5",
        ("wagon",): "expected/hosts/toy1.yaml:10",
        ("wagon", "text"): "expected/hosts/toy1.yaml:11",
        ("wagon", "size"): "expected/roles/common.yaml:2",
        ("lengths",): "expected/roles/extra.yaml:1",
        ("lengths", "a"): "expected/roles/extra.yaml:1",
    }


def test_source_falls_back_to_the_enclosing_value_or_the_file(tmp_path: Path) -> None:
    host = toy1(tmp_path, "boxes:\n- name: a")
    assert host.source(("boxes", 0, "weight")) == "expected/hosts/toy1.yaml:4"
    assert host.source(("nothing", "like", "it")) == "expected/hosts/toy1.yaml:1"


# --- the fleet ---


def test_fleet_file_is_loaded(tmp_path: Path) -> None:
    head = (
        "name: toys\ndomain: example.org\nrollout: [toy2, toy1]\nretired: {toy0: {replaced_by: toy1, issue: x#1}}"
    )
    spec = fleet(tmp_path, {"fleet.yaml": head, "hosts/toy2.yaml": "host: toy2", "hosts/a.yaml": "host: a"})
    assert (spec.root, spec.name, spec.domain) == (tmp_path, "toys", "example.org")
    assert (tuple(spec.hosts), spec.rollout) == (("a", "toy1", "toy2"), ("toy2", "toy1"))
    assert spec.retired == {"toy0": RetiredHost("toy1", "x#1")}


def test_mappings_are_frozen(tmp_path: Path) -> None:
    spec = fleet(tmp_path, {})
    host = spec.hosts["toy1"]
    for mapping in (spec.hosts, spec.retired, host.sections, host.places, host.sections["lengths"]):
        assert isinstance(mapping, MappingProxyType)


def test_revision_depends_on_names_and_contents_of_files_only(tmp_path: Path) -> None:
    files: Files = {"README.md": "x"}
    first = fleet(tmp_path / "1", {}).revision
    assert fleet(tmp_path / "2", files).revision == first
    assert len(first) == 12
    changed = {
        fleet(tmp_path / "3", {"hosts/toy1.yaml": BASE["hosts/toy1.yaml"] + "#"}).revision,
        fleet(tmp_path / "4", {"roles/more.yaml": "{}"}).revision,
        fleet(tmp_path / "5", {"roles/evenmore.yaml": "{}"}).revision,
        fleet(tmp_path / "6", {"waivers.yaml": "waivers: []"}).revision,
    }
    assert len({first, *changed}) == 5
