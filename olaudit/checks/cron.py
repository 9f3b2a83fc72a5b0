"""cron.files: cron runs, and what olsystem wants it to do is where it looks, unchanged, and not ignored by it.

Jobs that silently stopped were found out by what they had not done, weeks later: internetarchive/openlibrary#5100,
#5145, #7369, #8710. cron ignores a file in /etc/cron.d, with no more than a line in syslog, that has a dot in its
name, is not root's (nor its link), or may be written by others: cron(8).
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

from olaudit.checker import Check, Checker
from olaudit.language import AbsolutePath, Section
from olaudit.model import Answer, Answered, Answers, Command, Expectation, Result, Severity, Unanswered


class CronSpec(Section):
    """Each file in `source` should be in `into` with the same content, and with `daemon` a cron should run.

    `exceptions` (`except` in the file) are names of files that are not for this host's cron.
    """

    source: AbsolutePath
    into: AbsolutePath = "/etc/cron.d"
    exceptions: tuple[str, ...] = Field(default=(), alias="except")
    daemon: bool = True


# --- asking ----------------------------------------------------------------------------------------------------

SCRIPT = r"""
cd -- "$1" || exit 1
find . -mindepth 1 -maxdepth 1 ! -name ".*" ! -type d -exec sh -c '
  into=$1; shift
  for file do
    file=${file#./} place=$into/${file#./} said=
    if [ "$place" -ef "$file" ]; then
      is=equal
    elif [ ! -e "$place" ]; then
      is=absent said=$(stat -L -- "$place" 2>&1 >/dev/null); said=${said##*: }
    elif [ ! -f "$place" ]; then
      is=special said=$(stat -L -c %F -- "$place")
    else
      said=$(cmp -- "$file" "$place" 2>&1)
      case $? in 0) is=equal said=;; 1) is=differs said=;; *) is=unread said=${said##*: };; esac
    fi
    rights=$(stat -L -c "%u %a" -- "$place" 2>/dev/null; stat -c %u -- "$place" 2>/dev/null)
    printf "%s %s//%s//%s//\n" "$is" "$file" "$said" "$(echo $rights)"
  done
' sh "$2" {} + || exit
printf "end//\n"
"""
"""Says of each file whether its place holds the same, and its rights: its owner and mode, and its link's owner.
The last line is "end".

$1 is the source, $2 the folder that cron reads. No name holds a slash: "//" ends a field, whatever its name.
"""

DAEMONS = Command(
    ("ps", "-ww", "-p", "1", "-C", "cron,crond", "-o", "pid=", "-o", "ppid=", "-o", "comm=", "-o", "args="),
    statuses=(0, 1),  # 1: none of them was seen
)
"""Lists crons, and process 1: a list without it was cut (/proc mounted with hidepid) and proves nothing.

Containers have crons too, which their host's `ps` shows: the host's own is the one that is a child of process 1.
"""


def files_probe(spec: CronSpec) -> Command:
    """Ask for all files at once."""
    # 1: not all could be seen
    return Command(("sh", "-c", SCRIPT, "sh", spec.source, spec.into), may_hang=True, statuses=(0, 1))


def probes(spec: CronSpec) -> tuple[Command, ...]:
    """Ask for the files, and for the daemon if there should be one."""
    return (files_probe(spec), DAEMONS) if spec.daemon else (files_probe(spec),)


# --- understanding ---------------------------------------------------------------------------------------------

_STATES = ("equal", "differs", "absent", "special", "unread")
_ABSENT = ("No such file or directory", "Not a directory", "Too many levels of symbolic links")
_RIGHTS = re.compile(r"([0-9]+) ([0-7]{1,5}) ([0-9]+)")
_READ_BY_CRON = re.compile(r"[A-Za-z0-9_-]+")
_PROCESS = re.compile(r" *([0-9]{1,10}) +([0-9]{1,10}) +(\S+) *(.*)")


@dataclass(frozen=True, slots=True)
class _Seen:
    """One file of the source: what is in its place, and of what is there, whose it is and who may write it."""

    state: str
    name: str
    said: str
    rights: str


def _seen(answer: Answered) -> tuple[_Seen, ...] | None:
    """Read what the script prints; None if that is something else."""
    *records, rest = answer.stdout.split("//\n")
    if answer.status == 0 and (not records or records.pop() != "end"):
        return None
    seen = []
    for record in records:
        state, _, fields = record.partition(" ")
        match fields.split("//"):
            case [name, said, rights] if state in _STATES and name:
                seen.append(_Seen(state, name, said, rights))
            case _:
                return None
    return None if rest else tuple(sorted(seen, key=lambda one: one.name))


# --- judging ---------------------------------------------------------------------------------------------------


def evaluate(spec: CronSpec, answers: Answers) -> Iterator[Result]:
    """Judge the daemon, and each file that is not as it should be; if all are, all of them at once."""
    if spec.daemon:
        yield _evaluate_daemon(answers[DAEMONS])
    every = _ask(spec.source, f"all its files are in {spec.into}, unchanged, and cron reads them")
    answer = answers[files_probe(spec)]
    if isinstance(answer, Unanswered):
        yield every.unknown(answer.reason)
        return
    seen = _seen(answer)
    if seen is None:
        yield every.unknown(f"the answer is not understood: {answer.stdout[:200]!r}")
        return
    wanted = [one for one in seen if one.name not in spec.exceptions]
    judged = [result for one in wanted if (result := _evaluate_file(spec, one))]
    if answer.status or answer.stderr:
        reason = answer.stderr.strip().partition("\n")[0] or f"status {answer.status}"
        yield every.unknown(f"not all of it could be seen: {reason}")
    elif not judged:
        yield every.ok(f"{len(wanted)} files") if wanted else every.unknown("there are no files in it")
    yield from judged


def _ask(subject: str, expected: str, severity: Severity | None = None, at: str = "source") -> Expectation:
    return Expectation(check="cron.files", subject=subject, at=("cron", at), expected=expected, severity=severity)


def _evaluate_daemon(answer: Answer) -> Result:
    # Nothing that is scheduled happens at all, backups and the rotation of logs among it.
    expectation = _ask("cron", "cron runs", Severity.CRITICAL, "daemon")
    if isinstance(answer, Unanswered):
        return expectation.unknown(answer.reason)
    *lines, rest = answer.stdout.split("\n")
    found = [match.groups() for line in lines if (match := _PROCESS.fullmatch(line))]
    if rest or len(found) != len(lines):
        return expectation.unknown(f"ps's answer is not understood: {answer.stdout[:200]!r}")
    if not any(pid == "1" for pid, *_ in found):
        reason = answer.stderr.strip().partition("\n")[0]
        return expectation.unknown(reason or "ps does not show the processes of other users")
    running = [args for _, parent, name, args in found if name in ("cron", "crond") and parent == "1"]
    if any("<defunct>" not in args for args in running):
        return expectation.ok(running[0])
    return expectation.drift("not running", "no cron daemon runs", "service cron start")


def _evaluate_file(spec: CronSpec, one: _Seen) -> Result | None:
    """Judge one file; None if it is as it should be."""
    source, place = posixpath.join(spec.source, one.name), posixpath.join(spec.into, one.name)
    expectation = _ask(place, f"the same as {source}, and read by cron")
    link = shlex.join(("ln", "-sfn", source, place))
    rights = _RIGHTS.fullmatch(one.rights)
    if one.state == "absent" and one.said in _ABSENT:
        return expectation.drift("absent", f"there is no {place}, or it leads to nothing", link)
    if one.state == "special":
        return expectation.drift(one.said, f"{place} is a {one.said}, which cron does not read")
    if one.state in ("absent", "unread") or not rights:
        return expectation.unknown(f"what is at {place} could not be seen: {one.said or one.rights}")
    faults = list(_faults(one, source, *rights.groups()))
    if not faults:
        return None
    said, fixes = ", ".join(said for said, _ in faults), [fix for _, fix in faults if fix]
    # Not beside it: there cron may read it too.
    mend = {
        "link": f"cp -p -- {shlex.quote(place)} /var/tmp/ && {link}",
        "own": shlex.join(("chown", "root:root", "--", place)),
        "own link": shlex.join(("chown", "-h", "root:root", "--", place)),
        "close": shlex.join(("chmod", "go-w", "--", place)),
    }
    message = f"{place} {said}" + (": cron ignores it" if one.state == "equal" or len(faults) > 1 else "")
    return expectation.drift(said, message, " && ".join(mend[fix] for fix in fixes) or None)


def _faults(one: _Seen, source: str, owner: str, mode: str, link_owner: str) -> Iterator[tuple[str, str]]:
    """List what is wrong with a file that is there, and the kind of command that mends it."""
    if one.state == "differs":
        yield f"differs from {source}", "link"
    if not _READ_BY_CRON.fullmatch(one.name):
        yield "has a name with more than letters, digits, - and _", ""
    if owner != "0":
        yield f"belongs to user {owner}, not to root", "own"
    elif link_owner != "0":
        yield f"is a link of user {link_owner}'s, not of root's", "own link"
    if int(mode, 8) & 0o022:
        yield f"may be written by others (mode {int(mode, 8):04o})", "close"


CHECKER = Checker(
    section="cron",
    model=CronSpec,
    # Work is left undone, and the site stays up: a warning.
    ids=(
        Check(
            "cron.files",
            Severity.WARNING,
            "a file is not there, differs, or is one that cron ignores; critical: no cron daemon runs",
            "`ln -sfn SOURCE PLACE`, `chown root:root`, `chmod go-w`, `service cron start`",
        ),
    ),
    collected="one `find` over the source, `cmp` and `stat` for each file; `ps` for the daemon",
    probes=probes,
    evaluate=evaluate,
)
