"""cron.files: cron runs, and olsystem's cron files are in its folder, unchanged and not ignored.

Jobs that had silently stopped were noticed weeks later by their missing results: internetarchive/openlibrary#5100,
#5145, #7369, #8710. cron ignores a file in /etc/cron.d whose name contains a dot, that root does not own (nor its
link), or that others may write: cron(8). It only logs a line to syslog.
"""

import posixpath
import re
import shlex
from collections.abc import Iterator

from pydantic import Field

from olaudit.checker import Checker
from olaudit.facts.cron import DAEMON, CronFile, CronFiles, Installed, SpecialFile, cron_files
from olaudit.language import AbsolutePath, Section
from olaudit.model import Check, Expectation, Fact, Facts, Result, Severity, Unknown, Verdict


class CronSpec(Section):
    """Each file of `source` must be in `into` with the same content; with `daemon`, cron must run.

    `exceptions` (`except` in the file) are names of files that do not belong to this host's cron.
    """

    source: AbsolutePath
    into: AbsolutePath = "/etc/cron.d"
    exceptions: tuple[str, ...] = Field(default=(), alias="except")
    daemon: bool = True


# A warning: jobs do not run, but the site stays up.
FILES = Check(
    "cron.files",
    Severity.WARNING,
    "a file is missing, differs, or is ignored by cron (critical: no cron daemon runs)",
    "`ln -sfn SOURCE TARGET`, `chown root:root`, `chmod go-w`, `service cron start`",
)
_AT = ("cron", "source")
_CRON_FILE_NAME = re.compile(r"[A-Za-z0-9_-]+")


def _fact(spec: CronSpec) -> Fact[CronFiles]:
    return cron_files(spec.source, spec.into)


def evaluate(spec: CronSpec, facts: Facts) -> Iterator[Result]:
    """Evaluate the daemon and the files: a result for each file with a fault, or one for all files."""
    if spec.daemon:
        # Critical: no scheduled job runs, among them backups and log rotation.
        daemon = FILES.expect(
            "cron", ("cron", "daemon"), "cron runs", severity=Severity.CRITICAL, based_on=(DAEMON,)
        )
        stopped = daemon.drift("not running", "no cron daemon is running", "service cron start")
        yield daemon.evaluate(facts[DAEMON], lambda running: stopped if running is None else daemon.ok(running))
    fact = _fact(spec)
    expected = f"all its files are in {spec.into}, unchanged, and cron reads them"
    all_files = FILES.expect(spec.source, _AT, expected, based_on=(fact,))
    match facts[fact]:
        case Unknown(reason):
            yield all_files.unknown(reason)
        case files:
            yield from _evaluate_files(all_files, spec, files)


def _evaluate_files(all_files: Expectation, spec: CronSpec, files: CronFiles) -> Iterator[Result]:
    results = [_evaluate_file(spec, *file) for file in files.installed if file[0] not in spec.exceptions]
    faulty = [result for result in results if result.verdict is not Verdict.OK]
    if files.unread:
        yield all_files.unknown(f"the folder could not be read completely: {files.unread.reason}")
    elif not results:
        yield all_files.unknown("the folder contains no files")
    elif not faulty:
        yield all_files.ok(f"{len(results)} files")
    yield from faulty


def _evaluate_file(spec: CronSpec, name: str, observed: Installed) -> Result:
    source, target = posixpath.join(spec.source, name), posixpath.join(spec.into, name)
    based_on = (_fact(spec).about(name),)
    expectation = FILES.expect(target, _AT, f"the same as {source}, and read by cron", based_on=based_on)
    link = shlex.join(("ln", "-sfn", source, target))
    match observed:
        case Unknown(reason):
            return expectation.unknown(f"{target} could not be read: {reason}")
        case None:
            return expectation.drift("absent", f"{target} does not exist, or is a link without a target", link)
        case SpecialFile(file_type):
            return expectation.drift(file_type, f"{target} is a {file_type}, which cron does not read")
        case CronFile() as file:
            # The copy goes to /var/tmp, because cron could read a copy in its folder.
            differs = (f"differs from {source}", f"cp -p -- {shlex.quote(target)} /var/tmp/ && {link}")
            faults = [*(() if file.is_equal else (differs,)), *_reasons_to_ignore(name, target, file)]
    if not faults:
        return expectation.ok()
    summary, fixes = ", ".join(fault for fault, _ in faults), [fix for _, fix in faults if fix]
    message = f"{target} {summary}" + (": cron ignores it" if faults != [differs] else "")
    return expectation.drift(summary, message, " && ".join(fixes) or None)


def _reasons_to_ignore(name: str, target: str, file: CronFile) -> Iterator[tuple[str, str]]:
    """Yield the reasons why cron ignores an installed file, each with the command that fixes it, if any."""
    if not _CRON_FILE_NAME.fullmatch(name):
        yield "has a name with characters other than letters, digits, - and _", ""
    if file.owner != "0":
        yield f"is owned by user {file.owner}, not by root", shlex.join(("chown", "root:root", "--", target))
    elif file.link_owner != "0":
        fix = shlex.join(("chown", "-h", "root:root", "--", target))
        yield f"is a link owned by user {file.link_owner}, not by root", fix
    if file.mode & 0o022:
        fix = shlex.join(("chmod", "go-w", "--", target))
        yield f"is writable by group or others (mode {file.mode:04o})", fix


CHECKER = Checker(
    section="cron",
    model=CronSpec,
    checks=(FILES,),
    collected="one `find` over the source, `cmp` and `stat` for each file; `ps` for the daemon",
    facts=lambda spec: (_fact(spec), DAEMON) if spec.daemon else (_fact(spec),),
    evaluate=evaluate,
)
