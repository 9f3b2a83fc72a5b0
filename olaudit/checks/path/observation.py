"""Probes for files and directories, and the parsers for their answers."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass

from olaudit.model import Answer, Command, Unanswered

# Fields of both formats: type (find: of the file, and of the target if it is a link), owner's name and id, group's
# name and id, mode, name. Only the name of a plain path can contain a slash, and such a path contains no line
# break. So "/\n" ends a record for any file name.
_STAT = "%F/%U/%u/%G/%g/%a/%n/\\n"
_FIND = "%y%Y/%u/%U/%g/%G/%m/%f/\\n"
_END = "/\\n"
_RECORD = re.compile(r"([^/]+)/([^/]+)/([0-9]+)/([^/]+)/([0-9]+)/([0-7]{1,5})/(.+)", re.DOTALL)
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
_ABSENT = ("No such file or directory", "Not a directory")


def stat_probe(paths: Iterable[str], *, follow: bool) -> Command:
    """Build the probe for all `paths`, with links followed or not."""
    argv = ("stat", *(("-L",) if follow else ()), f"--printf={_STAT}", "--", *paths)
    return Command(argv, may_hang=True, statuses=(0, 1))  # 1: not all files could be read


def find_matches(glob: str) -> tuple[str, ...]:
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


def find_probe(glob: str) -> Command:
    """Build the probe for all files that match `glob`; their folder comes last (`-depth`) and ends the output."""
    folder, name, hidden = _split_glob(glob)
    end = ("-path", re.sub(r"([][*?\\])", r"\\\1", folder), "-printf", _END)
    entries = ("-name", name, *hidden, "-printf", _FIND)
    argv = ("find", folder, "-depth", "-maxdepth", "1", "(", *end, "-o", *entries, ")")
    return Command(argv, may_hang=True, statuses=(0, 1))  # 1: not all files could be read


def compare_probe(path: str, other: str) -> Command:
    """Build the probe that compares the content of two files."""
    return Command(("cmp", "--", path, other), may_hang=True, statuses=(0, 1))


def parse_comparison(answer: Answer) -> bool | Unanswered:
    """Return whether the files are equal: cmp exits with 0 and no output; else with 1 and the first difference."""
    if isinstance(answer, Unanswered):
        return answer
    output = answer.stdout + answer.stderr
    if bool(output) != bool(answer.status):
        return Unanswered(f"cannot parse the output of cmp (status {answer.status}): {output[:200]!r}")
    return answer.status == 0


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
class PathObservation:
    """The files at one path or glob. `reason` is why the list may be incomplete; empty if it is complete."""

    entries: tuple[FileEntry, ...] = ()
    reason: str = ""

    @property
    def links(self) -> tuple[FileEntry, ...]:
        """Symbolic links: of a path that was not followed, or dangling links of a glob."""
        return tuple(entry for entry in self.entries if entry.type == _LINK)

    @property
    def present(self) -> tuple[FileEntry, ...]:
        """All other files whose type could be read."""
        return tuple(entry for entry in self.entries if entry.type not in (_LINK, _UNREADABLE))


def parse_stat(paths: tuple[str, ...], answer: Answer) -> dict[str, PathObservation]:
    """Parse the answer by path: `stat` processes them in order, and prints a record or an error line for each."""
    if isinstance(answer, Unanswered):
        return dict.fromkeys(paths, PathObservation(reason=answer.reason))
    entries = _parse_entries(answer.stdout)
    existing = {entry.name: entry for entry in entries or ()}
    failed = [path for path in paths if path not in existing]
    reasons = _parse_reasons(answer.stderr)
    if entries is None or len(failed) != len(reasons) or len(entries) + len(failed) != len(paths):
        malformed = PathObservation(reason=f"cannot parse the output of stat: {answer.stderr[:200]!r}")
        return dict.fromkeys(paths, malformed)
    observations = {name: PathObservation((entry,)) for name, entry in existing.items()}
    errors = zip(failed, reasons, strict=True)
    return observations | {
        path: PathObservation(reason="" if reason in _ABSENT else reason) for path, reason in errors
    }


def parse_find(answer: Answer) -> PathObservation:
    """Parse the files that match a glob; `reason` is set if `find` could not read some files."""
    if isinstance(answer, Unanswered):
        return PathObservation(reason=answer.reason)
    reasons = _parse_reasons(answer.stderr)
    ended = answer.stdout == "/\n" or answer.stdout.endswith("/\n/\n")
    entries = _parse_entries(answer.stdout.removesuffix("/\n") if ended else answer.stdout)
    # The record of the folder comes last; it is missing if the folder does not exist
    absent = answer.status and reasons and not entries
    if entries is None or (answer.status and not reasons) or not (ended or absent):
        excerpt = (answer.stderr or answer.stdout)[:200]
        return PathObservation(reason=f"cannot parse the output of find: {excerpt!r}")
    errors = [reason for reason in reasons if reason not in _ABSENT]
    return PathObservation(tuple(sorted(entries, key=lambda entry: entry.name)), errors[0] if errors else "")


def _parse_entries(stdout: str) -> tuple[FileEntry, ...] | None:
    *records, partial = stdout.split("/\n")
    fields = [match.groups() for record in records if (match := _RECORD.fullmatch(record))]
    if partial or len(fields) != len(records):
        return None
    return tuple(
        FileEntry(
            _TYPES.get(file_type, file_type),
            (user, uid),
            (group, gid),
            int(mode, 8),
            name,
            file_type in ("lf", "ld"),
        )
        for file_type, user, uid, group, gid, mode, name in fields
    )


def _parse_reasons(stderr: str) -> list[str]:
    """Return the error text at the end of each line; the quoting of the name before it differs by release."""
    return [line.strip().rpartition(": ")[2] for line in stderr.split("\n") if line.strip()]
