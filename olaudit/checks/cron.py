"""cron.files: cron runs, and olsystem's cron files are in its folder, unchanged and not ignored.

Jobs that had silently stopped were noticed weeks later by their missing results: internetarchive/openlibrary#5100,
#5145, #7369, #8710. cron ignores a file in /etc/cron.d whose name contains a dot, that root does not own (nor its
link), or that others may write: cron(8). It only logs a line to syslog.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter

from pydantic import Field

from olaudit.checker import Checker
from olaudit.language import AbsolutePath, Section
from olaudit.model import Answer, Answered, Answers, Check, Command, Expectation, Result, Severity, Unanswered


class CronSpec(Section):
    """Each file of `source` must be in `into` with the same content; with `daemon`, cron must run.

    `exceptions` (`except` in the file) are names of files that do not belong to this host's cron.
    """

    source: AbsolutePath
    into: AbsolutePath = "/etc/cron.d"
    exceptions: tuple[str, ...] = Field(default=(), alias="except")
    daemon: bool = True


# --- probes ----------------------------------------------------------------------------------------------------

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
"""Prints for each file whether the file in cron's folder is equal, its owner and mode, and the owner of its link.
The last line is "end".

$1 is the source, $2 the folder that cron reads. A field ends with "//", which no file name contains.
"""

DAEMONS = Command(
    ("ps", "-ww", "-p", "1", "-C", "cron,crond", "-o", "pid=", "-o", "ppid=", "-o", "comm=", "-o", "args="),
    statuses=(0, 1),  # 1: none of them exists
)
"""Lists cron daemons and process 1. A list without process 1 is incomplete (/proc mounted with hidepid).

The host's `ps` also lists the cron daemons of containers. The host's own is a child of process 1.
"""


def files_probe(spec: CronSpec) -> Command:
    """Return the probe of all files."""
    # 1: some files could not be read
    return Command(("sh", "-c", SCRIPT, "sh", spec.source, spec.into), may_hang=True, statuses=(0, 1))


def probes(spec: CronSpec) -> tuple[Command, ...]:
    """List the probes: the files, and the daemon if it is expected."""
    return (files_probe(spec), DAEMONS) if spec.daemon else (files_probe(spec),)


# --- parsing ---------------------------------------------------------------------------------------------------

_STATES = ("equal", "differs", "absent", "special", "unread")
_ABSENT = ("No such file or directory", "Not a directory", "Too many levels of symbolic links")
_PERMISSIONS = re.compile(r"([0-9]+) ([0-7]{1,5}) ([0-9]+)")
_CRON_FILE_NAME = re.compile(r"[A-Za-z0-9_-]+")
_PROCESS = re.compile(r" *([0-9]{1,10}) +([0-9]{1,10}) +(\S+) *(.*)")


@dataclass(frozen=True, slots=True)
class _InstalledFile:
    """One file of the source, as installed in cron's folder: its state, the reason for it, and its permissions."""

    state: str
    name: str
    detail: str
    permissions: str


def _parse_files(answer: Answered) -> tuple[_InstalledFile, ...] | None:
    """Parse the script's output; None if it is malformed."""
    *records, remainder = answer.stdout.split("//\n")
    if answer.status == 0 and (not records or records.pop() != "end"):
        return None
    files = []
    for record in records:
        state, _, fields = record.partition(" ")
        match fields.split("//"):
            case [name, detail, permissions] if state in _STATES and name:
                files.append(_InstalledFile(state, name, detail, permissions))
            case _:
                return None
    return None if remainder else tuple(sorted(files, key=attrgetter("name")))


# --- evaluation ------------------------------------------------------------------------------------------------


def evaluate(spec: CronSpec, answers: Answers) -> Iterator[Result]:
    """Evaluate the daemon and the files: a result for each file with a fault, or one for all files."""
    if spec.daemon:
        yield _evaluate_daemon(answers[DAEMONS])
    all_files = _expectation(spec.source, f"all its files are in {spec.into}, unchanged, and cron reads them")
    answer = answers[files_probe(spec)]
    if isinstance(answer, Unanswered):
        yield all_files.unknown(answer.reason)
        return
    installed = _parse_files(answer)
    if installed is None:
        yield all_files.unknown(f"the answer could not be parsed: {answer.stdout[:200]!r}")
        return
    expected = [file for file in installed if file.name not in spec.exceptions]
    faulty = [result for file in expected if (result := _evaluate_file(spec, file))]
    if answer.status or answer.stderr:
        reason = answer.stderr.strip().partition("\n")[0] or f"status {answer.status}"
        yield all_files.unknown(f"the folder could not be read completely: {reason}")
    elif not faulty:
        yield (
            all_files.ok(f"{len(expected)} files")
            if expected
            else all_files.unknown("the folder contains no files")
        )
    yield from faulty


def _expectation(subject: str, expected: str, severity: Severity | None = None, at: str = "source") -> Expectation:
    return Expectation(check="cron.files", subject=subject, at=("cron", at), expected=expected, severity=severity)


def _evaluate_daemon(answer: Answer) -> Result:
    # Critical: no scheduled job runs, among them backups and log rotation.
    expectation = _expectation("cron", "cron runs", Severity.CRITICAL, "daemon")
    if isinstance(answer, Unanswered):
        return expectation.unknown(answer.reason)
    *lines, remainder = answer.stdout.split("\n")
    processes = [match.groups() for line in lines if (match := _PROCESS.fullmatch(line))]
    if remainder or len(processes) != len(lines):
        return expectation.unknown(f"ps's answer could not be parsed: {answer.stdout[:200]!r}")
    if not any(pid == "1" for pid, *_ in processes):
        reason = answer.stderr.strip().partition("\n")[0]
        return expectation.unknown(reason or "ps does not show the processes of other users")
    running = [args for _, parent, name, args in processes if name in ("cron", "crond") and parent == "1"]
    if any("<defunct>" not in args for args in running):
        return expectation.ok(running[0])
    return expectation.drift("not running", "no cron daemon is running", "service cron start")


def _evaluate_file(spec: CronSpec, file: _InstalledFile) -> Result | None:
    """Evaluate one file; None if it has no fault."""
    source, target = posixpath.join(spec.source, file.name), posixpath.join(spec.into, file.name)
    expectation = _expectation(target, f"the same as {source}, and read by cron")
    link = shlex.join(("ln", "-sfn", source, target))
    permissions = _PERMISSIONS.fullmatch(file.permissions)
    if file.state == "absent" and file.detail in _ABSENT:
        return expectation.drift("absent", f"{target} does not exist, or is a link without a target", link)
    if file.state == "special":
        return expectation.drift(file.detail, f"{target} is a {file.detail}, which cron does not read")
    if file.state in ("absent", "unread") or not permissions:
        return expectation.unknown(f"{target} could not be read: {file.detail or file.permissions}")
    faults = list(_faults(file, source, *permissions.groups()))
    if not faults:
        return None
    observed, fixes = ", ".join(fault for fault, _ in faults), [fix for _, fix in faults if fix]
    commands = {
        # The copy goes to /var/tmp, because cron could read a copy in its folder.
        "link": f"cp -p -- {shlex.quote(target)} /var/tmp/ && {link}",
        "chown": shlex.join(("chown", "root:root", "--", target)),
        "chown link": shlex.join(("chown", "-h", "root:root", "--", target)),
        "chmod": shlex.join(("chmod", "go-w", "--", target)),
    }
    message = f"{target} {observed}" + (": cron ignores it" if file.state == "equal" or len(faults) > 1 else "")
    return expectation.drift(observed, message, " && ".join(commands[fix] for fix in fixes) or None)


def _faults(
    file: _InstalledFile, source: str, owner: str, mode: str, link_owner: str
) -> Iterator[tuple[str, str]]:
    """List the faults of an installed file, each with the key of the command that fixes it (empty if none)."""
    if file.state == "differs":
        yield f"differs from {source}", "link"
    if not _CRON_FILE_NAME.fullmatch(file.name):
        yield "has a name with characters other than letters, digits, - and _", ""
    if owner != "0":
        yield f"is owned by user {owner}, not by root", "chown"
    elif link_owner != "0":
        yield f"is a link owned by user {link_owner}, not by root", "chown link"
    if int(mode, 8) & 0o022:
        yield f"is writable by group or others (mode {int(mode, 8):04o})", "chmod"


CHECKER = Checker(
    section="cron",
    model=CronSpec,
    # A warning: jobs do not run, but the site stays up.
    checks=(
        Check(
            "cron.files",
            Severity.WARNING,
            "a file is missing, differs, or is ignored by cron (critical: no cron daemon runs)",
            "`ln -sfn SOURCE TARGET`, `chown root:root`, `chmod go-w`, `service cron start`",
        ),
    ),
    collected="one `find` over the source, `cmp` and `stat` for each file; `ps` for the daemon",
    facts=probes,
    evaluate=evaluate,
)
