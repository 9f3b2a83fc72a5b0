"""symlink.farm: the files of one tree are all linked from their places in another.

The page, of olsystem: "its files within /opt/openlibrary/olsystem/etc symlink to the right locations within
/etc". A file is linked if its place leads to that very file, be it by a link of its own or by one of a folder
above. What is not so was never linked, leads elsewhere or to nothing, or was replaced by a copy: one that still
is equal misses the next deploy, one that differs is somebody's change on this host alone.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

from olaudit.checker import Check, Checker
from olaudit.language import AbsolutePath, Section
from olaudit.model import Answered, Answers, Command, Expectation, Result, Severity, Unanswered


class SymlinkFarmSpec(Section):
    """Each file below `source` should be linked from the same place below `into`.

    `exceptions` (`except` in the file) are files and folders that need not be, as globs relative to `source`.
    """

    source: AbsolutePath
    into: AbsolutePath
    exceptions: tuple[str, ...] = Field(default=(), alias="except")


# --- asking ----------------------------------------------------------------------------------------------------

SCRIPT = r"""
source=$1 into=$2; shift 2
cd -- "$source" || exit 1
real=$(cd -- "$into" && pwd -P)
find . "$@" ! -type d -exec sh -c '
  into=$1 real=$2 same=0; shift 2
  for file do
    file=${file#./} place=$into/${file#./} said=
    if [ "$place" -ef "$file" ]; then
      same=$((same + 1)); continue
    elif [ ! -e "$place" ]; then
      is=absent; [ -L "$place" ] && is=dangling
      said=$(stat -L -- "$place" 2>&1 >/dev/null); said=${said##*: }
    else
      if ! end=$(readlink -f -- "$place"); then is=unread said="readlink failed"
      elif [ -L "$place" ]; then is=leads said=$end
      elif [ "$end" != "$real/$file" ]; then is=under said=$end
      elif [ ! -f "$place" ]; then is=special said=$(stat -c %F -- "$place")
      else
        said=$(cmp -- "$file" "$place" 2>&1)
        case $? in 0) is=equal said=;; 1) is=differs said=;; *) is=unread said=${said##*: };; esac
      fi
    fi
    printf "%s %s//%s//\n" "$is" "$file" "$said"
  done
  printf "same %s//\n" "$same"
' sh "$into" "$real" {} + || exit
printf "end//\n"
"""
"""Says of each file that is not linked what is in its place, and of those that are, only how many; then "end".

$1 is the source, $2 where it is linked from, and the rest find's tests for what is left out. No path that find or
readlink prints holds two slashes in a row, so "//" ends a field whatever files are called.
"""

_ABSENT = ("No such file or directory", "Not a directory")
_LEADS_NOWHERE = (*_ABSENT, "Too many levels of symbolic links")


def look(spec: SymlinkFarmSpec) -> Command:
    """Ask for the whole farm at once."""
    left_out = [word for glob in spec.exceptions for word in ("-path", f"./{glob}", "-prune", "-o")]
    # 1: not all could be seen
    return Command(("sh", "-c", SCRIPT, "sh", spec.source, spec.into, *left_out), may_hang=True, statuses=(0, 1))


def probes(spec: SymlinkFarmSpec) -> tuple[Command, ...]:
    """Ask for the whole farm at once."""
    return (look(spec),)


# --- understanding ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is in the place of one file: `said` is where it leads to, what it is, or why that is not known."""

    state: str
    file: str
    said: str


_STATES = ("absent", "dangling", "leads", "under", "special", "equal", "differs", "unread")


def _seen(answer: Answered) -> tuple[tuple[_Seen, ...], int] | None:
    """Read what is not linked, and how many files are; None if that is not what the script prints."""
    *records, rest = answer.stdout.split("//\n")
    if answer.status == 0 and (not records or records.pop() != "end"):
        return None
    seen, linked = [], 0
    for record in records:
        state, _, fields = record.partition(" ")
        file, between, said = fields.partition("//")
        if state in _STATES and file and between:
            seen.append(_Seen(state, file, said))
        elif state == "same" and file.isdecimal() and len(file) < 10 and not between:
            linked += int(file)
        else:
            return None
    return None if rest else (tuple(sorted(seen, key=lambda one: one.file)), linked)


# --- judging ---------------------------------------------------------------------------------------------------


def evaluate(spec: SymlinkFarmSpec, answers: Answers) -> Iterator[Result]:
    """Judge each file that is not linked; if all are, or nothing can be said, the farm as a whole."""
    farm = _ask(spec.source, f"all its files are linked from {spec.into}")
    answer = answers[look(spec)]
    if isinstance(answer, Unanswered):
        yield farm.unknown(answer.reason)
        return
    seen = _seen(answer)
    if seen is None:
        yield farm.unknown(f"the answer is not understood: {answer.stdout[:200]!r}")
        return
    files, linked = seen
    failed = bool(answer.status or answer.stderr)
    unlinked = not failed and _is_unlinked(files, linked)
    if failed:
        reason = answer.stderr.strip().partition("\n")[0] or f"status {answer.status}"
        yield farm.unknown(f"not all of it could be seen: {reason}")
    elif unlinked:
        yield farm.drift("none linked", f"none of its {len(files)} files is linked from its place in {spec.into}")
    elif not files:
        yield farm.ok(f"{linked} linked") if linked else farm.unknown("there are no files in it")
    yield from (_evaluate_file(spec, one) for one in files if not unlinked)


def _is_unlinked(files: tuple[_Seen, ...], linked: int) -> bool:
    """Say whether linking was never done: one cause, however many files there are."""
    return not linked and len(files) > 1 and all(one.state == "absent" and one.said in _ABSENT for one in files)


def _ask(subject: str, expected: str, severity: Severity | None = None) -> Expectation:
    return Expectation(
        check="symlink.farm",
        subject=subject,
        at=("symlink_farm", "source"),
        expected=expected,
        severity=severity,
    )


def _evaluate_file(spec: SymlinkFarmSpec, one: _Seen) -> Result:
    source, place = posixpath.join(spec.source, one.file), posixpath.join(spec.into, one.file)
    # What is equal works, until the next deploy; all else runs without the production configuration.
    severity = Severity.WARNING if one.state == "equal" else None
    expectation = _ask(place, f"a link to {source}", severity)
    if drift := _drift(one, source, place):
        return expectation.drift(*drift)
    return expectation.unknown(f"what is at {place} could not be seen: {one.said}")


def _drift(one: _Seen, source: str, place: str) -> tuple[str, str, str | None] | None:
    """Give what was observed, the message and the fix; None if it could not be seen."""
    link = shlex.join(("ln", "-sfn", source, place))
    # Not beside the place: there it would be read too.
    keep = shlex.join(("cp", "-p", "--", place, "/var/tmp/"))  # noqa: S108 - an operator's own command
    copies = f"{place} is a copy, and no link to {source}"
    drifts: dict[str, tuple[str, str, str | None]] = {
        "leads": (one.said, f"{place} leads to {one.said!r} and not to {source}", link),
        # No command for these two: a link would be made in the other folder, or in the directory.
        "under": (one.said, f"{place} is {one.said!r}: a folder above it is a link to elsewhere", None),
        "special": (one.said, f"{place} is a {one.said} and not a link: move that away, then make the link", None),
        "equal": ("an equal copy", f"{copies}: still equal, but no deploy will change it", link),
        "differs": ("another copy", f"{copies}: it differs, see `diff -u`", f"{keep} && {link}"),
    }
    if one.said in _ABSENT:
        folder = shlex.quote(posixpath.dirname(place))
        drifts["absent"] = ("absent", f"there is no {place}", f"mkdir -p {folder} && {link}")
    if one.said in _LEADS_NOWHERE:
        drifts["dangling"] = ("a link to nothing", f"{place} leads to nothing", link)
    return drifts.get(one.state)


CHECKER = Checker(
    section="symlink_farm",
    model=SymlinkFarmSpec,
    ids=(
        Check(
            "symlink.farm",
            Severity.CRITICAL,
            "a file's place is empty, leads elsewhere or to nothing, or holds a copy that differs "
            "(warning: one that is equal)",
            "`ln -sfn SOURCE PLACE`",
        ),
    ),
    collected="one `find` over the source; each place is compared by inode, and by `cmp` where it is no link",
    probes=probes,
    evaluate=evaluate,
)
