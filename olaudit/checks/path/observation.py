"""How a host is asked about its files, and what its answers come to."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass

from olaudit.model import Answer, Command, Unanswered

# Both formats give: type (find: of the file itself, and of what it leads to if it is a link), owner's
# name and id, group's name and id, mode, name. No field but a plain path's own name can hold a slash, and that
# path holds no line break: so "/\n" ends a record, whatever files are called.
_STAT = "%F/%U/%u/%G/%g/%a/%n/\\n"
_FIND = "%y%Y/%u/%U/%g/%G/%m/%f/\\n"
_END = "/\\n"
_RECORD = re.compile(r"([^/]+)/([^/]+)/([0-9]+)/([^/]+)/([0-9]+)/([0-7]{1,5})/(.+)", re.DOTALL)
_LINK = "symbolic link"
_UNSEEN = "l?"
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


def stat(paths: Iterable[str], *, follow: bool) -> Command:
    """Ask for all `paths` at once, links followed or not."""
    argv = ("stat", *(("-L",) if follow else ()), f"--printf={_STAT}", "--", *paths)
    return Command(argv, may_hang=True, statuses=(0, 1))  # 1: not all could be seen


def matches(glob: str) -> tuple[str, ...]:
    """Build the `find` that selects what a shell would make of `glob`.

    The folder's last slash follows it if it is a link. Its entries are not followed (`-L`): then one link to
    somewhere forbidden, or back up, would spoil the answer although it does not match.
    """
    folder, name, hidden = _parts(glob)
    return ("find", folder, "-mindepth", "1", "-maxdepth", "1", "-name", name, *hidden)


def _parts(glob: str) -> tuple[str, str, tuple[str, ...]]:
    """Split `glob` into its folder, the pattern of names in it, and the test that leaves out hidden files."""
    folder, name = posixpath.split(glob)
    return folder.rstrip("/") + "/", name, () if name.startswith(".") else ("!", "-name", ".*")


def find(glob: str) -> Command:
    """Ask for all files that match `glob`, and, last (`-depth`), for their folder: the end of the answer."""
    folder, name, hidden = _parts(glob)
    end = ("-path", re.sub(r"([][*?\\])", r"\\\1", folder), "-printf", _END)
    entries = ("-name", name, *hidden, "-printf", _FIND)
    argv = ("find", folder, "-depth", "-maxdepth", "1", "(", *end, "-o", *entries, ")")
    return Command(argv, may_hang=True, statuses=(0, 1))  # 1: not all could be seen


def compare(path: str, other: str) -> Command:
    """Ask whether two files hold the same."""
    return Command(("cmp", "--", path, other), may_hang=True, statuses=(0, 1))


def same(answer: Answer) -> bool | Unanswered:
    """Evaluate what `cmp` returned: 0 and no output if they do, 1 and where they differ if not."""
    if isinstance(answer, Unanswered):
        return answer
    said = answer.stdout + answer.stderr
    if bool(said) != bool(answer.status):
        return Unanswered(f"cmp's answer is not understood (status {answer.status}): {said[:200]!r}")
    return answer.status == 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as the host describes it. Owner and group are name and id; either may be expected.

    Of a match of a glob that is a link (`linked`), the type is that of what it leads to, all else its own.
    """

    type: str
    owner: tuple[str, str]
    group: tuple[str, str]
    mode: int
    name: str
    linked: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is of one path or glob. A `reason` says why that may not be all; without one it is."""

    entries: tuple[Entry, ...] = ()
    reason: str = ""

    @property
    def links(self) -> tuple[Entry, ...]:
        """The symbolic links of a path that was not followed, or those of a glob that lead to nothing."""
        return tuple(entry for entry in self.entries if entry.type == _LINK)

    @property
    def live(self) -> tuple[Entry, ...]:
        """Everything else, as far as it could be seen."""
        return tuple(entry for entry in self.entries if entry.type not in (_LINK, _UNSEEN))


def seen_paths(paths: tuple[str, ...], answer: Answer) -> dict[str, Seen]:
    """Tell the paths apart: `stat` takes them in order, and each gives either a record or an error line."""
    if isinstance(answer, Unanswered):
        return dict.fromkeys(paths, Seen(reason=answer.reason))
    entries = _entries(answer.stdout)
    found = {entry.name: entry for entry in entries or ()}
    lost = [path for path in paths if path not in found]
    reasons = _reasons(answer.stderr)
    if entries is None or len(lost) != len(reasons) or len(entries) + len(lost) != len(paths):
        return dict.fromkeys(paths, Seen(reason=f"stat's answer makes no sense: {answer.stderr[:200]!r}"))
    seen = {name: Seen((entry,)) for name, entry in found.items()}
    errors = zip(lost, reasons, strict=True)
    return seen | {path: Seen(reason="" if reason in _ABSENT else reason) for path, reason in errors}


def seen_glob(answer: Answer) -> Seen:
    """List what matches; files that `find` could not look at may or may not."""
    if isinstance(answer, Unanswered):
        return Seen(reason=answer.reason)
    reasons = _reasons(answer.stderr)
    ended = answer.stdout == "/\n" or answer.stdout.endswith("/\n/\n")
    entries = _entries(answer.stdout.removesuffix("/\n") if ended else answer.stdout)
    # The folder comes last, unless it is not there; then there is nothing in it either
    absent = answer.status and reasons and not entries
    if entries is None or (answer.status and not reasons) or not (ended or absent):
        return Seen(reason=f"find's answer is not understood: {(answer.stderr or answer.stdout)[:200]!r}")
    blind = [reason for reason in reasons if reason not in _ABSENT]
    return Seen(tuple(sorted(entries, key=lambda entry: entry.name)), blind[0] if blind else "")


def _entries(stdout: str) -> tuple[Entry, ...] | None:
    *records, rest = stdout.split("/\n")
    fields = [match.groups() for record in records if (match := _RECORD.fullmatch(record))]
    if rest or len(fields) != len(records):
        return None
    return tuple(
        Entry(_TYPES.get(kind, kind), (user, uid), (group, gid), int(mode, 8), name, kind in ("lf", "ld"))
        for kind, user, uid, group, gid, mode, name in fields
    )


def _reasons(stderr: str) -> list[str]:
    """Take the system's words from the ends of error lines; how names are quoted differs between releases."""
    return [line.strip().rpartition(": ")[2] for line in stderr.split("\n") if line.strip()]
