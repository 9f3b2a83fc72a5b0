"""symlink.farm: every file below a source folder is linked from the same relative path below another folder.

The requirement, for olsystem: "its files within /opt/openlibrary/olsystem/etc symlink to the right locations
within /etc". A file is linked if its place resolves to that same file, through a link at the place or at a folder
above. Otherwise it was never linked, its link resolves to another or a missing file, or a copy replaced the link.
An equal copy does not receive the next deploy. A copy that differs has changes that exist on this host only.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

from olaudit.checker import Checker
from olaudit.language import AbsolutePath, Section
from olaudit.model import Answered, Answers, Check, Command, Expectation, Result, Severity, Unanswered


class SymlinkFarmSpec(Section):
    """A symlink farm: each file below `source` should be linked from the same relative path below `into`.

    `exceptions` (`except` in the file) are files and folders that need no link, as globs relative to `source`.
    """

    source: AbsolutePath
    into: AbsolutePath
    exceptions: tuple[str, ...] = Field(default=(), alias="except")


# --- probe -----------------------------------------------------------------------------------------------------

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
"""Prints the state of each file that is not linked, the number of files that are linked, and "end".

$1 is the source, $2 the folder with the links. The other arguments are find's tests for the exceptions. A path
that find or readlink prints never has two slashes in a row, so "//" ends a field for any file name.
"""

_ABSENT = ("No such file or directory", "Not a directory")
_NO_TARGET = (*_ABSENT, "Too many levels of symbolic links")


def farm_probe(spec: SymlinkFarmSpec) -> Command:
    """Build the probe for all files of the farm."""
    exceptions = [argument for glob in spec.exceptions for argument in ("-path", f"./{glob}", "-prune", "-o")]
    # 1: not all files could be read
    return Command(("sh", "-c", SCRIPT, "sh", spec.source, spec.into, *exceptions), may_hang=True, statuses=(0, 1))


def probes(spec: SymlinkFarmSpec) -> tuple[Command, ...]:
    """Return the probe for all files of the farm."""
    return (farm_probe(spec),)


# --- parsing ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _UnlinkedFile:
    """A file without a link; `detail` is what its place resolves to, its type, or why it could not be read."""

    state: str
    path: str
    detail: str


_STATES = ("absent", "dangling", "leads", "under", "special", "equal", "differs", "unread")


def _parse_farm(answer: Answered) -> tuple[tuple[_UnlinkedFile, ...], int] | None:
    """Parse the files that are not linked and the number of linked files; None if the output is malformed."""
    *records, partial = answer.stdout.split("//\n")
    if answer.status == 0 and (not records or records.pop() != "end"):
        return None
    unlinked, linked = [], 0
    for record in records:
        state, _, fields = record.partition(" ")
        path, separator, detail = fields.partition("//")
        if state in _STATES and path and separator:
            unlinked.append(_UnlinkedFile(state, path, detail))
        elif state == "same" and path.isdecimal() and len(path) < 10 and not separator:
            linked += int(path)
        else:
            return None
    return None if partial else (tuple(sorted(unlinked, key=lambda file: file.path)), linked)


# --- evaluation ------------------------------------------------------------------------------------------------


def evaluate(spec: SymlinkFarmSpec, answers: Answers) -> Iterator[Result]:
    """Evaluate each file that is not linked; if all are linked or the answer is unusable, the farm as a whole."""
    farm = _expectation(spec.source, f"all its files are linked from {spec.into}")
    answer = answers[farm_probe(spec)]
    if isinstance(answer, Unanswered):
        yield farm.unknown(answer.reason)
        return
    parsed = _parse_farm(answer)
    if parsed is None:
        yield farm.unknown(f"cannot parse the output of the script: {answer.stdout[:200]!r}")
        return
    files, linked = parsed
    failed = bool(answer.status or answer.stderr)
    never_linked = not failed and _is_never_linked(files, linked)
    if failed:
        reason = answer.stderr.strip().partition("\n")[0] or f"status {answer.status}"
        yield farm.unknown(f"cannot read all files below {spec.source}: {reason}")
    elif never_linked:
        message = f"none of the {len(files)} files below {spec.source} is linked from {spec.into}"
        yield farm.drift("none linked", message)
    elif not files:
        yield farm.ok(f"{linked} linked") if linked else farm.unknown(f"there are no files below {spec.source}")
    yield from (_evaluate_file(spec, file) for file in files if not never_linked)


def _is_never_linked(files: tuple[_UnlinkedFile, ...], linked: int) -> bool:
    """Return whether no file was ever linked: one cause, so one finding for any number of files."""
    absent = [file for file in files if file.state == "absent" and file.detail in _ABSENT]
    return not linked and len(absent) == len(files) > 1


def _expectation(subject: str, expected: str, severity: Severity | None = None) -> Expectation:
    return Expectation(
        check="symlink.farm",
        subject=subject,
        at=("symlink_farm", "source"),
        expected=expected,
        severity=severity,
    )


def _evaluate_file(spec: SymlinkFarmSpec, unlinked: _UnlinkedFile) -> Result:
    source, place = posixpath.join(spec.source, unlinked.path), posixpath.join(spec.into, unlinked.path)
    # An equal copy works until the next deploy. In all other states the host lacks the production configuration.
    severity = Severity.WARNING if unlinked.state == "equal" else None
    expectation = _expectation(place, f"a link to {source}", severity)
    if drift := _drift(unlinked, source, place):
        return expectation.drift(*drift)
    return expectation.unknown(f"cannot read {place}: {unlinked.detail}")


def _drift(unlinked: _UnlinkedFile, source: str, place: str) -> tuple[str, str, str | None] | None:
    """Return the observed value, the message and the fix; None if the place could not be read."""
    detail = unlinked.detail
    link = shlex.join(("ln", "-sfn", source, place))
    # Not next to the place: programs that read all files of the folder would read the copy too.
    keep = shlex.join(("cp", "-p", "--", place, "/var/tmp/"))  # noqa: S108 - a command for an operator
    copy = f"{place} is a copy, not a link to {source}"
    drifts: dict[str, tuple[str, str, str | None]] = {
        "leads": (detail, f"{place} resolves to {detail!r}, not to {source}", link),
        # No command for these two: `ln` would create the link in the other folder, or inside the directory.
        "under": (detail, f"{place} is {detail!r}: a folder above it is a link to another folder", None),
        "special": (detail, f"{place} is a {detail}, not a link: move it away, then create the link", None),
        "equal": ("an equal copy", f"{copy}: still equal, but the next deploy will not update it", link),
        "differs": ("a different copy", f"{copy}: it differs, see `diff -u`", f"{keep} && {link}"),
    }
    if detail in _ABSENT:
        folder = shlex.quote(posixpath.dirname(place))
        drifts["absent"] = ("absent", f"{place} does not exist", f"mkdir -p {folder} && {link}")
    if detail in _NO_TARGET:
        drifts["dangling"] = ("a dangling link", f"the target of the link {place} does not exist", link)
    return drifts.get(unlinked.state)


CHECKER = Checker(
    section="symlink_farm",
    model=SymlinkFarmSpec,
    checks=(
        Check(
            "symlink.farm",
            Severity.CRITICAL,
            "a file is not linked: its place does not exist, resolves to another or a missing file, or is a copy "
            "(an equal copy is a warning)",
            "`ln -sfn SOURCE PLACE`",
        ),
    ),
    collected="`find` over the source; each place is compared by inode, and by `cmp` if it is not a link",
    facts=probes,
    evaluate=evaluate,
)
