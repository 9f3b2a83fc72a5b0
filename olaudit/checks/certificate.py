"""certificate.expiry: no TLS certificate of the host has expired, or soon will have.

A renewal that fails says so to nobody, for weeks, until browsers do: internetarchive/openlibrary#6950, #3903.
Certificates are Let's Encrypt's, renewed by certbot 30 days before their end.
"""

from __future__ import annotations

import calendar
import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import Field

from olaudit.checker import Check, Checker
from olaudit.language import AbsolutePath, Expect, Section
from olaudit.model import Answer, Answers, Command, Expectation, Result, Severity, Unanswered

_DAY_SECONDS = 86400
_OPENSSL = "/usr/bin/openssl"


class CertificatesSpec(Section):
    """Certbot's `folder` of live certificates (or accepted ones), and how many days each must have left.

    `container` names the one in which certbot runs, if it runs in one.
    """

    folder: Expect[AbsolutePath]
    days: Annotated[int, Field(ge=1)]
    container: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")] | None = None


CLOCK = Command(("date", "-u", "+%s"))
"""The host's own clock: what is judged is how long a certificate lasts, not whether two clocks agree."""


def expiry_probe(spec: CertificatesSpec) -> Command:
    """Ask for each certificate's end.

    `fullchain.pem` is what servers are given; its first certificate is the site's own, and all openssl reads.
    The folder is root's. As this runs by sudo, openssl has a path: no other of that name is root's to run.
    """
    folders = spec.folder.values
    patterns = [re.sub(r"([][*?\\])", r"\\\1", folder) for folder in folders]
    # Each folder comes after all that is in it (-depth), and so ends its part of the answer. No backslash, such as
    # that of a line break in -printf: a rule of sudoers does not match one as it is shown there.
    end = [word for pattern in patterns for word in ("-path", pattern, "-printf", "%p//end//", "-o")]
    ends = (_OPENSSL, "x509", "-noout", "-enddate", "-in", "{}", ";")
    wanted = ("-name", "fullchain.pem", "-printf", "%p//", "-exec", *ends)
    argv = ("find", "-L", *folders, "-depth", "-maxdepth", "2", "(", *end, *wanted, ")")
    return Command(argv, may_hang=True, sudo=True, statuses=(0, 1))  # 1: not all could be seen


def probes(spec: CertificatesSpec) -> tuple[Command, ...]:
    """Ask for the certificates, and for the time."""
    return (expiry_probe(spec), CLOCK)


# --- understanding ---------------------------------------------------------------------------------------------

_END = re.compile(r"([A-Z][a-z]{2}) {1,2}([0-9]{1,2}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([0-9]{4}) GMT")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ABSENT = ("No such file or directory", "Not a directory")


_DONE = "end"


def _certificates(stdout: str) -> Iterator[tuple[str, int | str | None]]:
    """List paths, and when each certificate ends, if openssl could say; `_DONE` for a folder that was read.

    A path that find prints begins with the folder and holds no "//", so none can pass for an end. What is left in
    the end, if anything, is a path without its record.
    """
    first, *others = stdout.split("//")
    path, records = first, iter(others)
    for record in records:
        line, _, rest = record.partition("\n")
        if record == _DONE:
            yield path, _DONE
            path = next(records, "half an answer")
        elif line.startswith("notAfter="):
            yield path, _end(line.removeprefix("notAfter="))
            path = rest
        else:
            yield path, None
            path = record
    if path:
        yield path, None


def _unread(spec: CertificatesSpec, done: Iterable[str], stderr: str) -> str:
    """Explain why not all folders were read; "" if they were, or are not there."""
    lines = [line for line in stderr.split("\n") if line]
    if lost := [line for line in lines if line.startswith("find") and not line.endswith(_ABSENT)]:
        return lost[0]
    read = {*done, *(f for f in spec.folder.values for line in lines if f in line and line.endswith(_ABSENT))}
    return next((f"find's answer does not end for {f}" for f in spec.folder.values if f not in read), "")


def _end(text: str) -> int | None:
    """Read openssl's "Nov 22 19:00:00 2026 GMT", whatever the language here, as seconds since 1970."""
    match = _END.fullmatch(text)
    if not match or match[1] not in _MONTHS:
        return None
    day, hour, minute, second, year = (int(number) for number in match.groups()[1:])
    if not (1 <= day <= 31 and year >= 1):
        return None
    return calendar.timegm((year, _MONTHS.index(match[1]) + 1, day, hour, minute, second))


def _now(answer: Answer) -> int | Unanswered:
    if isinstance(answer, Unanswered):
        return answer
    if re.fullmatch(r"[0-9]{1,12}\n", answer.stdout):
        return int(answer.stdout)
    return Unanswered(f"date's answer is not a time: {answer.stdout[:200]!r}")


# --- judging ---------------------------------------------------------------------------------------------------


def evaluate(spec: CertificatesSpec, answers: Answers) -> Iterator[Result]:
    """Judge each certificate, and that there is one."""
    folder = _ask(spec, str(spec.folder))
    answer, now = answers[expiry_probe(spec)], _now(answers[CLOCK])
    if isinstance(answer, Unanswered):
        yield folder.unknown(answer.reason)
        return
    if isinstance(now, Unanswered):
        yield folder.unknown(now.reason)
        return
    records = sorted(_certificates(answer.stdout), key=lambda one: one[0])
    # not a file beside the folders of the certificates
    inside = {folder.rstrip("/") for folder in spec.folder.values}
    found = [(path, end) for path, end in records if end != _DONE and posixpath.dirname(path) not in inside]
    unread = _unread(spec, (path for path, end in records if end == _DONE), answer.stderr)
    if bool(answer.status) != bool(answer.stderr) and not found:
        unread = unread or f"find's answer is not understood (status {answer.status}): {answer.stderr[:200]!r}"
    if unread:
        yield folder.unknown(f"not all certificates could be seen: {unread}")
    elif not found:
        yield _none(folder, spec)
    missing = any(_OPENSSL in line for line in answer.stderr.split("\n") if line.startswith("find: "))
    blind = f"there is no {_OPENSSL}" if missing else "openssl did not say when it ends: is it a certificate?"
    for path, end in found:
        yield _evaluate_end(spec, path, end, now) if isinstance(end, int) else _ask(spec, path).unknown(blind)


def _none(folder: Expectation, spec: CertificatesSpec) -> Result:
    message = f"there is no certificate in {' or '.join(spec.folder.values)}"
    return folder.drift("no certificate", message, _certbot(spec, "certificates"))


def _ask(spec: CertificatesSpec, subject: str, severity: Severity | None = None) -> Expectation:
    expected = f"at least {spec.days} days left"
    return Expectation(
        check="certificate.expiry",
        subject=subject,
        at=("certificates", "days"),
        expected=expected,
        severity=severity,
    )


def _evaluate_end(spec: CertificatesSpec, path: str, end: int, now: int) -> Result:
    days = (end - now) // _DAY_SECONDS
    name = posixpath.basename(posixpath.dirname(path))
    renew = _certbot(spec, "renew", "--cert-name", name)
    if end <= now:
        return _ask(spec, path).drift(
            "expired", f"the certificate {name} expired {(now - end) // _DAY_SECONDS} days ago", renew
        )
    if days < spec.days:
        message = f"the certificate {name} ends in {days} days, and was not renewed"
        return _ask(spec, path, Severity.WARNING).drift(f"{days} days left", message, renew)
    return _ask(spec, path).ok(f"{days} days left")


def _certbot(spec: CertificatesSpec, *arguments: str) -> str:
    where = ("docker", "exec", spec.container) if spec.container else ()
    return shlex.join((*where, "certbot", *arguments))


CHECKER = Checker(
    section="certificates",
    model=CertificatesSpec,
    # Once expired, no browser shows the site any more.
    ids=(
        Check(
            "certificate.expiry",
            Severity.CRITICAL,
            "a certificate has expired, or there is none (warning: one that soon will)",
            "`certbot renew --cert-name NAME`",
        ),
    ),
    collected="`find` and `openssl x509 -enddate`, by sudo; `date` for the host's own clock",
    probes=probes,
    evaluate=evaluate,
)
