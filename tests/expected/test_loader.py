"""Loading a folder: what is wrong with it as a whole, how roles are laid under hosts, where values come from."""

import os
from pathlib import Path
from types import MappingProxyType

import pytest

from olaudit.errors import ExpectedError
from olaudit.expected import HostSpec, Retired, load
from tests.expected.toys import BASE, CHECKERS, Engine, Files, fleet, problems, write


def toy1(root: Path, host: str, common: str = BASE["roles/common.yaml"]) -> HostSpec:
    text = f"host: toy1\nroles: [extra]\n{host}"
    return fleet(root, {"roles/common.yaml": common, "hosts/toy1.yaml": text}).hosts["toy1"]


# --- the folder ---


def test_an_empty_folder_lacks_its_fleet_and_its_hosts(tmp_path: Path) -> None:
    with pytest.raises(ExpectedError) as error:
        load(tmp_path, CHECKERS)
    assert error.value.message.replace(f"{tmp_path}/", "") == (
        "fleet.yaml:0: this file is missing: it names the fleet, its domain and its roles\n"
        "hosts:0: no host is described here: write one file per host, such as ol-web1.yaml"
    )


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    write(tmp_path, {})
    (tmp_path / "roles/lost.yaml").symlink_to("nowhere")
    assert problems(tmp_path, {}) == ["roles/lost.yaml:0: this file cannot be read: No such file or directory"]


def test_a_folder_that_cannot_be_read_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: Path) -> None:
        raise PermissionError(13, os.strerror(13))

    write(tmp_path, {})
    monkeypatch.setattr(Path, "iterdir", refuse)
    assert "roles:0: this folder cannot be read: Permission denied" in problems(tmp_path, {})


def test_a_file_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    assert problems(tmp_path, {"roles/extra.yaml": b"# fine\ntitle: caf\xe9\n"}) == [
        "roles/extra.yaml:2: this is not UTF-8 text"
    ]


def test_a_raw_control_character_names_the_line(tmp_path: Path) -> None:
    assert problems(tmp_path, {"roles/extra.yaml": "# fine\ntitle: \x1b[31m\n"}) == [
        "roles/extra.yaml:2: control characters cannot be used here"
    ]


def test_a_folder_of_hosts_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    assert problems(tmp_path, {"hosts/more/toy2.yaml": "host: toy2"}) == [
        "hosts/more:0: folders are not looked into: move its files up"
    ]


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    others = {"README.md": "#", ".x.yaml": "[", "hosts/.toy1.yaml.swp": "[", "hosts/toy1.yaml~": "["}
    assert problems(tmp_path, {**others, "hosts/.x.yaml": "["}) == []


def test_a_file_at_the_top_that_nobody_reads_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    assert problems(tmp_path, {"waiver.yaml": "[", "tidy.yml": "["}) == [
        "tidy.yml:0: this file is not looked for here: known are fleet.yaml, waivers.yaml",
        "waiver.yaml:0: this file is not looked for here: did you mean 'waivers.yaml'?",
    ]


@pytest.mark.parametrize("name", ["fleet", "waivers"])
def test_a_file_at_the_top_that_is_there_twice_is_refused(name: str, tmp_path: Path) -> None:
    files = {"waivers.yaml": "waivers: []", f"{name}.yml": "x: y"}
    assert problems(tmp_path, files) == [
        f"{name}.yml:1: {name} is described twice: {name}.yaml:1 describes it too"
    ]


def test_one_host_in_two_files_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, {"hosts/toy1.yml": "host: toy1"}) == [
        "hosts/toy1.yml:1: toy1 is described twice: hosts/toy1.yaml:1 describes it too"
    ]


def test_one_host_in_files_of_two_names_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, {"hosts/toy2.yaml": "roles: []\nhost: toy1"}) == [
        "hosts/toy2.yaml:2: toy1 is described twice: hosts/toy1.yaml:1 describes it too"
    ]


def test_one_role_in_two_files_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, {"roles/extra.yml": "{}"}) == [
        "roles/extra.yml:1: extra is described twice: roles/extra.yaml:1 describes it too"
    ]


def test_problems_are_shown_as_one_would_open_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "there" / "expected", {"fleet.yaml": None})
    monkeypatch.chdir(tmp_path)
    for root in (Path("there/expected"), tmp_path / "there/expected"):
        with pytest.raises(ExpectedError, match=r"^there/expected/fleet\.yaml:0: this file is missing"):
            load(root, CHECKERS)


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    files = {
        "fleet.yaml": "name: 5\nevery_host: [comon]\nrollout: [toy3, toy1, toy1]\nretired: {A: {replaced_by: b}}",
        "roles/extra.yaml": "zzz",
        "roles/unused.yaml": "host: x\nwagon: {size: 0}\n",
        "hosts/toy1.yaml": "host: toy1\nwagon: {size: big, load: {}}",
        "hosts/toy2.yaml": "host: toy2\nroles: {}",
    }
    assert problems(tmp_path, files) == [
        "fleet.yaml:1: 'domain' is missing here",
        '''fleet.yaml:1: 5 is read as a number by YAML: write it in quotes, "5"''',
        "fleet.yaml:2: unknown role 'comon': did you mean 'common'?",
        "fleet.yaml:3: 'toy1' is named twice",
        "fleet.yaml:3: unknown host 'toy3': did you mean 'toy2'?",
        "fleet.yaml:4: 'A' is no host name: lowercase letters, digits, hyphens and dots make one",
        "hosts/toy1.yaml:2: 'size' must be a whole number, not the text 'big'",
        "hosts/toy2.yaml:2: 'roles' must be a list, not a mapping",
        "roles/extra.yaml:1: this file must be a mapping of keys to values, not a value",
        "roles/unused.yaml:1: unknown key 'host': known are box_defaults, boxes, lengths, title, wagon",
        "roles/unused.yaml:2: 'size' must be at least 1, not 0",
    ]


def test_a_fleet_file_that_is_no_yaml_does_not_hide_what_else_is_wrong(tmp_path: Path) -> None:
    files = {"fleet.yaml": "name: @", "hosts/toy1.yaml": "host: toy1\nwagon: {flag: 2}"}
    assert problems(tmp_path, files) == [
        "fleet.yaml:1: this is not YAML: found character '@' that cannot start any token",
        "hosts/toy1.yaml:2: 'flag' must be true or false, not the number 2",
    ]


def test_a_mistake_in_a_role_is_told_once_and_not_for_each_host(tmp_path: Path) -> None:
    files = {"roles/common.yaml": "title: '{host}'\nwagon: {code: '{host}'}", "hosts/toy2.yaml": "host: toy2"}
    assert problems(tmp_path, files) == ["roles/common.yaml:2: 'code' must match pattern '^[a-z]+$', not '{host}'"]


def test_what_a_role_lacks_is_told_once_if_no_host_adds_it(tmp_path: Path) -> None:
    files = {"roles/common.yaml": "wagon: {load: {water: 1}}", "hosts/toy2.yaml": "host: toy2"}
    assert problems(tmp_path, files) == ["roles/common.yaml:1: 'coal' is missing here"]


def test_a_retired_name_is_no_host(tmp_path: Path) -> None:
    head = "name: toys\ndomain: example.org\nretired: {toy1: {replaced_by: toy2}}\n"
    assert problems(tmp_path, {"fleet.yaml": head}) == ["hosts/toy1.yaml:1: toy1 is retired, by fleet.yaml"]


# --- merging ---


def test_roles_are_laid_in_order_and_the_host_over_them_key_by_key(tmp_path: Path) -> None:
    common = "wagon: {size: 2, text: below, names: [a, b], load: {coal: 1, water: 2}}\nlengths: {a: 4, b: 6}\n"
    host = toy1(tmp_path, "wagon: {text: above, names: [c], load: {coal: 9}}", common)
    assert host.roles == ("common", "extra")
    wagon = host.sections["wagon"]
    assert (wagon.size, wagon.text, wagon.names) == (2, "above", ("c",))
    assert (wagon.load.coal, wagon.load.water) == (9, 2)
    assert host.sections["lengths"] == {"a": 2, "b": 6}


def test_a_bare_value_replaces_one_with_alternatives_whole(tmp_path: Path) -> None:
    host = toy1(tmp_path, "title: own", "title: {value: common, accept: [other], note: why}")
    assert host.sections["title"].values == ("own",)


def test_an_alternative_can_be_added_to_a_roles_value(tmp_path: Path) -> None:
    host = toy1(tmp_path, "title: {accept: [more]}", "title: {value: common, accept: [other]}")
    assert host.sections["title"].values == ("common", "more")


def test_words_in_braces_are_filled_in_everywhere(tmp_path: Path) -> None:
    common = "title: {value: '{host}', accept: ['{host}.{domain}']}\nlengths: {'{host}': 4}"
    host = toy1(tmp_path, "lengths: {toy1: 8}", common)
    assert host.sections["title"].values == ("toy1", "toy1.example.org")
    assert host.sections["lengths"] == {"toy1": 8, "a": 2}


def test_sections_that_nobody_wrote_are_absent_and_an_empty_list_is_not(tmp_path: Path) -> None:
    assert set(toy1(tmp_path, "").sections) == {"wagon", "lengths"}
    assert toy1(tmp_path, "boxes: []").sections["boxes"] == ()


def test_defaults_fill_what_items_lack_and_are_no_section(tmp_path: Path) -> None:
    host = toy1(
        tmp_path,
        "boxes:\n- {name: a}\n- name: b\n  colour: blue\nbox_defaults: {weight: 7}",
        "box_defaults: {colour: red, weight: 1}",
    )
    assert [(box.colour, box.weight) for box in host.sections["boxes"]] == [("red", 7), ("blue", 7)]
    assert "box_defaults" not in host.sections


def test_a_mistake_in_defaults_is_told_where_they_are_written_and_once(tmp_path: Path) -> None:
    files = {
        "roles/common.yaml": "box_defaults:\n  weight: x",
        "hosts/toy1.yaml": "host: toy1\nboxes: [{name: a}]",
    }
    assert problems(tmp_path, files) == ["roles/common.yaml:2: 'weight' must be a whole number, not the text 'x'"]


def test_plain_spellings_are_values_and_dates_are_text(tmp_path: Path) -> None:
    host = toy1(
        tmp_path, "wagon: {text: 2026-11-22, size: 7, ratio: 20.04, flag: true, engine: diesel, names: ['0644']}"
    )
    wagon = host.sections["wagon"]
    assert (wagon.text, wagon.size, wagon.ratio, wagon.flag) == ("2026-11-22", 7, 20.04, True)
    assert (wagon.engine, wagon.names) == (Engine.DIESEL, ("0644",))


# --- places ---


def test_each_value_knows_the_file_and_line_it_comes_from(tmp_path: Path) -> None:
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


def test_source_falls_back_to_what_encloses_it_and_at_last_to_the_file(tmp_path: Path) -> None:
    host = toy1(tmp_path, "boxes:\n- name: a")
    assert host.source(("boxes", 0, "weight")) == "expected/hosts/toy1.yaml:4"
    assert host.source(("nothing", "like", "it")) == "expected/hosts/toy1.yaml:1"


# --- the fleet ---


def test_the_fleet_says_who_it_is_and_what_order_it_is_upgraded_in(tmp_path: Path) -> None:
    head = (
        "name: toys\ndomain: example.org\nrollout: [toy2, toy1]\nretired: {toy0: {replaced_by: toy1, issue: x#1}}"
    )
    spec = fleet(tmp_path, {"fleet.yaml": head, "hosts/toy2.yaml": "host: toy2", "hosts/a.yaml": "host: a"})
    assert (spec.root, spec.name, spec.domain) == (tmp_path, "toys", "example.org")
    assert (tuple(spec.hosts), spec.rollout) == (("a", "toy1", "toy2"), ("toy2", "toy1"))
    assert spec.retired == {"toy0": Retired("toy1", "x#1")}


def test_mappings_are_frozen(tmp_path: Path) -> None:
    spec = fleet(tmp_path, {})
    host = spec.hosts["toy1"]
    for mapping in (spec.hosts, spec.retired, host.sections, host.places, host.sections["lengths"]):
        assert isinstance(mapping, MappingProxyType)


def test_the_revision_changes_with_the_content_and_names_of_files_and_with_nothing_else(tmp_path: Path) -> None:
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
