"""The folder of expected files on disk: one YAML file for the fleet, for each role and for each host."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from olaudit.expected.messages import suggest
from olaudit.expected.parse import parse
from olaudit.expected.problems import Problems
from olaudit.expected.spec import Place
from olaudit.expected.tree import Scalar, Table
from olaudit.files import read_regular

_SUFFIXES = (".yaml", ".yml")
_TOP_LEVEL = ("fleet", "waivers")


@dataclass(frozen=True, slots=True)
class YamlFile:
    """One file: its name without the suffix, the place of its first line, and its content, if it is valid YAML."""

    name: str
    top: Place
    table: Table | None


@dataclass(frozen=True, slots=True)
class ExpectedFolder:
    """The files of a folder. Roles and hosts are mapped by their file names; `waivers` is optional.

    `revision` is the first twelve hex digits of a SHA-256 of the names and contents of these files.
    """

    fleet: YamlFile | None
    roles: Mapping[str, YamlFile]
    hosts: Mapping[str, YamlFile]
    waivers: YamlFile | None
    revision: str


def read_folder(root: Path, problems: Problems) -> ExpectedFolder:
    """Read every file once. Problems of the files and of the folder are added to `problems`."""
    contents: dict[str, bytes] = {}
    top = _read_files(root, root, contents, problems)
    roles = _read_files(root, root / "roles", contents, problems)
    hosts = _read_files(root, root / "hosts", contents, problems)
    if "fleet" not in top:
        problems.add(Place("fleet.yaml", 0), "this file is missing: it names the fleet, its domain and its roles")
    if not hosts:
        problems.add(Place("hosts", 0), "there are no host files: write one file per host, such as ol-web1.yaml")
    return ExpectedFolder(top.get("fleet"), roles, hosts, top.get("waivers"), _revision(contents))


def _list_files(root: Path, folder: Path, problems: Problems) -> Iterator[Path]:
    """Yield the YAML files that belong to one folder, sorted by name; none if the folder does not exist."""
    try:
        entries = sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        problems.add(
            Place(folder.relative_to(root).as_posix(), 0), f"this folder cannot be read: {error.strerror}"
        )
        return
    for entry in entries:
        place = Place(entry.relative_to(root).as_posix(), 0)
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and folder != root:
            problems.add(place, "subfolders are not read: move files up")
        elif entry.suffix in _SUFFIXES and folder == root and entry.stem not in _TOP_LEVEL:
            problems.add(place, f"unknown file{suggest(entry.name, [f'{stem}.yaml' for stem in _TOP_LEVEL])}")
        elif entry.suffix in _SUFFIXES:
            yield entry


def _read_files(root: Path, folder: Path, contents: dict[str, bytes], problems: Problems) -> dict[str, YamlFile]:
    """Read the files of one folder by name; two files of one name (.yaml and .yml) are a problem."""
    files: dict[str, YamlFile] = {}
    for path in _list_files(root, folder, problems):
        file = _read_file(root, path, contents, problems)
        if first := files.get(file.name):
            first_place = problems.format_place(first.top)
            problems.add(file.top, f"{file.name} is defined twice: {first_place} defines it too")
        else:
            files[file.name] = file
    return files


def _read_file(root: Path, path: Path, contents: dict[str, bytes], problems: Problems) -> YamlFile:
    file = path.relative_to(root).as_posix()
    top = Place(file, 1)
    unreadable = YamlFile(path.stem, top, None)
    try:
        content = contents[file] = read_regular(path)
        text = content.decode()
    except OSError as error:
        problems.add(Place(file, 0), f"this file cannot be read: {error.strerror}")
        return unreadable
    except UnicodeDecodeError as error:
        problems.add(Place(file, content.count(b"\n", 0, error.start) + 1), "this is not UTF-8 text")
        return unreadable
    node = parse(file, text, problems)
    if node is not None and not isinstance(node, Table):
        actual = "a value" if isinstance(node, Scalar) else "a list"
        problems.add(node.place, f"this file must be a mapping of keys to values, not {actual}")
        return unreadable
    return YamlFile(path.stem, top, node)


def _revision(contents: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for file, content in sorted(contents.items()):
        digest.update(f"{file}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:12]
