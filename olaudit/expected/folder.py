"""The folder of expected files as it lies on disk: one sheet of paper per fleet, role and host."""

from __future__ import annotations

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
_TOP = ("fleet", "waivers")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One file: the name it gives by being called so, and what it holds, if that could be read."""

    name: str
    top: Place
    table: Table | None


@dataclass(frozen=True, slots=True)
class Folder:
    """All files that say what the fleet should be; roles and hosts by name, which is their file's name.

    A fleet need not have waivers.

    `revision` is the first twelve hex digits of a SHA-256 over the names and contents of these files.
    """

    fleet: Sheet | None
    roles: Mapping[str, Sheet]
    hosts: Mapping[str, Sheet]
    waivers: Sheet | None
    revision: str


def read(root: Path, faults: Problems) -> Folder:
    """Read every file once. What is wrong with one of them, or with the folder, is added to `faults`."""
    contents: dict[str, bytes] = {}
    top = _drawer(root, _known(_files(root, root, faults), faults), contents, faults)
    roles = _drawer(root, _files(root, root / "roles", faults), contents, faults)
    hosts = _drawer(root, _files(root, root / "hosts", faults), contents, faults)
    if "fleet" not in top:
        faults.add(Place("fleet.yaml", 0), "this file is missing: it names the fleet, its domain and its roles")
    if not hosts:
        faults.add(Place("hosts", 0), "no host is described here: write one file per host, such as ol-web1.yaml")
    return Folder(top.get("fleet"), roles, hosts, top.get("waivers"), _revision(contents))


def _files(root: Path, drawer: Path, faults: Problems) -> Iterator[Path]:
    """List the YAML files of one folder by name; a folder that is not there has none."""
    try:
        entries = sorted(drawer.iterdir()) if drawer.is_dir() else []
    except OSError as error:
        faults.add(Place(drawer.relative_to(root).as_posix(), 0), f"this folder cannot be read: {error.strerror}")
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and drawer != root:
            faults.add(
                Place(entry.relative_to(root).as_posix(), 0), "folders are not looked into: move its files up"
            )
        elif entry.suffix in _SUFFIXES:
            yield entry


def _known(paths: Iterator[Path], faults: Problems) -> Iterator[Path]:
    """Pick the files that belong at the top; waivers in a waiver.yaml must not be passed over in silence."""
    for path in paths:
        if path.stem in _TOP:
            yield path
        else:
            said = suggest(path.name, [f"{stem}.yaml" for stem in _TOP])
            faults.add(Place(path.name, 0), f"this file is not looked for here{said}")


def _drawer(root: Path, paths: Iterator[Path], contents: dict[str, bytes], faults: Problems) -> dict[str, Sheet]:
    """Read some files; two of one name (.yaml and .yml) are a fault."""
    sheets: dict[str, Sheet] = {}
    for path in paths:
        sheet = _sheet(root, path, contents, faults)
        if first := sheets.get(sheet.name):
            faults.add(sheet.top, f"{sheet.name} is described twice: {faults.show(first.top)} describes it too")
        else:
            sheets[sheet.name] = sheet
    return sheets


def _sheet(root: Path, path: Path, contents: dict[str, bytes], faults: Problems) -> Sheet:
    file = path.relative_to(root).as_posix()
    top = Place(file, 1)
    nothing = Sheet(path.stem, top, None)
    try:
        content = contents[file] = read_regular(path)
        text = content.decode()
    except OSError as error:
        faults.add(Place(file, 0), f"this file cannot be read: {error.strerror}")
        return nothing
    except UnicodeDecodeError as error:
        faults.add(Place(file, content.count(b"\n", 0, error.start) + 1), "this is not UTF-8 text")
        return nothing
    node = parse(file, text, faults)
    if node is not None and not isinstance(node, Table):
        what = "a value" if isinstance(node, Scalar) else "a list"
        faults.add(node.place, f"this file must be a mapping of keys to values, not {what}")
        return nothing
    return Sheet(path.stem, top, node)


def _revision(contents: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for file, content in sorted(contents.items()):
        digest.update(f"{file}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:12]
