"""Files and directories: type, owner and mode of a path or of the matches of a glob; comparison of two files."""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from olaudit.facts.answers import error_lines, error_of, is_absent, match_lines, pair_errors, unparsable
from olaudit.model import Answered, Command, Fact, Unknown

# Fields of both formats: type (find: of the file, and of the target if it is a link), owner's name and id, group's
# name and id, mode, name. Only the name of a plain path can contain a slash, and such a path contains no line
# break. So "/\n" ends a record for any file name.
_STAT = "%F/%U/%u/%G/%g/%a/%n/\\n"
_FIND = "%y%Y/%u/%U/%g/%G/%m/%f/\\n"
_END = "/\\n"
_RECORD = re.compile(r"([^/]+)/([^/]+)/([0-9]+)/([^/]+)/([0-9]+)/([0-7]{1,5})/(.+)", re.DOTALL)
_DIFFER = re.compile(r"differ: (?:byte|char) [0-9]+, line ([0-9]{1,9})$", re.MULTILINE)
_LINK = "symbolic link"
_UNREADABLE = "l?"
_TYPES = {
    "regular file": "file",
    "regular empty file": "file",
    "ff": "file",
    "dd": "directory",
    "lf": "file",
    "ld": "directory",
    "lN": _LINK,
    "lL": _LINK,
}


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file on the host. Owner and group are a name and an id; a rule may expect either.

    For a match of a glob that is a link (`linked`), `type` is that of the target; the other fields are the link's.
    """

    type: str
    owner: tuple[str, str]
    group: tuple[str, str]
    mode: int
    name: str
    linked: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether two files are equal; `line` is the first that differs (None if one is the start of the other)."""

    equal: bool
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Files:
    """The files at one path or glob. `unread` is why the list may be incomplete; None if it is complete."""

    entries: tuple[FileEntry, ...] = ()
    unread: Unknown | None = None

    @property
    def links(self) -> tuple[FileEntry, ...]:
        """Symbolic links: of a path that was not followed, or dangling links of a glob."""
        return tuple(entry for entry in self.entries if entry.type == _LINK)

    @property
    def present(self) -> tuple[FileEntry, ...]:
        """All other files whose type could be read."""
        return tuple(entry for entry in self.entries if entry.type not in (_LINK, _UNREADABLE))


def files_at(paths: tuple[str, ...], *, follow: bool) -> Fact[Mapping[str, Files]]:
    """Build the fact of the files at plain `paths`, by path, with links followed or not."""
    argv = ("stat", *(("-L",) if follow else ()), f"--printf={_STAT}", "--", *paths)
    # 1: not all files could be read
    return Fact("files.at", Command(argv, may_hang=True, statuses=(0, 1)), partial(_parse_stat, paths))


def matching_files(glob: str) -> Fact[Mapping[str, Files]]:
    """Build the fact of the files that match `glob`, as a mapping of this glob.

    Their folder comes last (`-depth`) and ends the output.
    """
    folder, name, hidden = _split_glob(glob)
    end = ("-path", re.sub(r"([][*?\\])", r"\\\1", folder), "-printf", _END)
    entries = ("-name", name, *hidden, "-printf", _FIND)
    argv = ("find", folder, "-depth", "-maxdepth", "1", "(", *end, "-o", *entries, ")")
    # 1: not all files could be read
    return Fact("files.matching", Command(argv, may_hang=True, statuses=(0, 1)), partial(_parse_find, glob))


def equal_files(path: str, other: str) -> Fact[bool]:
    """Build the fact of whether the content of two files is equal."""
    return Fact("files.equal", Command(("cmp", "--", path, other), may_hang=True, statuses=(0, 1)), _parse_cmp)


def comparison(path: str, other: str) -> Fact[Comparison | None]:
    """Build the fact of how two files compare, also files that only root may read; None if `path` is absent."""
    # 2: one of the files could not be read
    probe = Command(("cmp", "--", path, other), may_hang=True, sudo=True, statuses=(0, 1, 2))
    return Fact("files.comparison", probe, partial(_parse_comparison, path, other))


def find_command(glob: str) -> tuple[str, ...]:
    """Build the `find` command that selects the files to which a shell expands `glob`.

    The trailing slash follows the folder if it is a link. Its entries are not followed (no `-L`): a link to an
    unreadable folder, or to a parent folder, would cause an error although it does not match.
    """
    folder, name, hidden = _split_glob(glob)
    return ("find", folder, "-mindepth", "1", "-maxdepth", "1", "-name", name, *hidden)


def _split_glob(glob: str) -> tuple[str, str, tuple[str, ...]]:
    """Split `glob` into its folder, the pattern of names in it, and the test that excludes hidden files."""
    folder, name = posixpath.split(glob)
    return folder.rstrip("/") + "/", name, () if name.startswith(".") else ("!", "-name", ".*")


def _parse_stat(paths: tuple[str, ...], answer: Answered) -> dict[str, Files] | Unknown:
    """Parse the answer by path: `stat` processes them in order, and prints a record or an error line for each."""
    entries = _parse_entries(answer.stdout)
    files = {entry.name: Files((entry,)) for entry in entries or ()}
    errors = pair_errors([path for path in paths if path not in files], answer.stderr)
    if entries is None or errors is None or len(entries) + len(errors) != len(paths):
        return unparsable("stat", answer)
    return files | {path: Files(unread=error) for path, error in errors.items()}


def _parse_find(glob: str, answer: Answered) -> dict[str, Files] | Unknown:
    errors = error_lines(answer.stderr)
    ended = answer.stdout == "/\n" or answer.stdout.endswith("/\n/\n")
    entries = _parse_entries(answer.stdout.removesuffix("/\n") if ended else answer.stdout)
    # The record of the folder comes last; it is missing if the folder does not exist
    absent = answer.status and errors and not entries
    if entries is None or (answer.status and not errors) or not (ended or absent):
        return unparsable("find", answer)
    unread = next((Unknown(error_of(error)) for error in errors if not is_absent(error)), None)
    return {glob: Files(tuple(sorted(entries, key=lambda entry: entry.name)), unread)}


def _parse_entries(stdout: str) -> list[FileEntry] | None:
    records = match_lines(_RECORD, stdout, "/\n")
    if records is None:
        return None
    return [
        FileEntry(
            type=_TYPES.get(file_type, file_type),
            owner=(user, uid),
            group=(group, gid),
            mode=int(mode, 8),
            name=name,
            linked=file_type in ("lf", "ld"),
        )
        for file_type, user, uid, group, gid, mode, name in (record.groups() for record in records)
    ]


def _parse_cmp(answer: Answered) -> bool | Unknown:
    """Parse the comparison: cmp exits with 0 and no output; else with 1 and the first difference."""
    if bool(answer.stdout + answer.stderr) != bool(answer.status):
        return unparsable("cmp", answer)
    return answer.status == 0


def _parse_comparison(path: str, other: str, answer: Answered) -> Comparison | Unknown | None:
    has_output = bool(answer.stdout or answer.stderr)
    if answer.status == 0 and not has_output:
        return Comparison(equal=True)
    if answer.status == 1 and has_output:
        match = _DIFFER.search(answer.stdout)
        return Comparison(equal=False, line=int(match[1]) if match else None)
    error = answer.stderr.partition("\n")[0]
    if answer.status == 2 and error.startswith(f"cmp: {path}: ") and is_absent(error):
        return None
    return Unknown(f"cannot compare {path} with {other}: {error[:200]!r}")
