"""certificate.expiry: no TLS certificate of the host has expired or expires soon.

A failed renewal is invisible for weeks, until browsers show errors: internetarchive/openlibrary#6950, #3903. The
certificates are from Let's Encrypt; certbot renews them 30 days before they expire.
"""

from __future__ import annotations

import calendar
import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Annotated

from pydantic import Field

from olaudit.checker import Checker
from olaudit.language import AbsolutePath, Expect, Section
from olaudit.model import Answer, Answers, Check, Command, Expectation, Result, Severity, Unanswered

_DAY_SECONDS = 86400
_OPENSSL = "/usr/bin/openssl"


class CertificatesSpec(Section):
    """Certbot's `folder` of live certificates (or accepted folders), and the `days` that each must have left.

    `container` is the container in which certbot runs, if any.
    """

    folder: Expect[AbsolutePath]
    days: Annotated[int, Field(ge=1)]
    container: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")] | None = None


CLOCK = Command(("date", "-u", "+%s"))
"""The host's own clock. A certificate's remaining time is evaluated, not a difference between clocks."""


def expiry_probe(spec: CertificatesSpec) -> Command:
    """Return the probe of each certificate's expiry date.

    Servers use `fullchain.pem`. Its first certificate is the site's own, and openssl reads only that one.
    Only root can read the folder. The command runs with sudo, so it gives openssl's full path: root must not run
    another program of that name.
    """
    folders = spec.folder.values
    patterns = [re.sub(r"([][*?\\])", r"\\\1", folder) for folder in folders]
    # Each folder comes after its contents (-depth), and so ends its part of the answer. The command contains no
    # backslash, such as a line break in -printf, because a sudoers rule does not match it as it is written there.
    end_marker = [
        argument for pattern in patterns for argument in ("-path", pattern, "-printf", "%p//end//", "-o")
    ]
    openssl = (_OPENSSL, "x509", "-noout", "-enddate", "-in", "{}", ";")
    certificate = ("-name", "fullchain.pem", "-printf", "%p//", "-exec", *openssl)
    argv = ("find", "-L", *folders, "-depth", "-maxdepth", "2", "(", *end_marker, *certificate, ")")
    return Command(argv, may_hang=True, sudo=True, statuses=(0, 1))  # 1: some files could not be read


def probes(spec: CertificatesSpec) -> tuple[Command, ...]:
    """List the probes: the certificates and the host's clock."""
    return (expiry_probe(spec), CLOCK)


# --- parsing ---------------------------------------------------------------------------------------------------

_EXPIRY = re.compile(r"([A-Z][a-z]{2}) {1,2}([0-9]{1,2}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([0-9]{4}) GMT")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ABSENT = ("No such file or directory", "Not a directory")

_DONE = "end"
"""The record after the path of a folder that was read completely."""


def _parse_certificates(stdout: str) -> Iterator[tuple[str, int | str | None]]:
    """Parse paths with the expiry times of their certificates, in seconds since 1970; None if openssl failed.

    A folder that was read completely has `_DONE`. A path that find prints begins with the folder and contains no
    "//", so no path can imitate a record. A remaining text at the end is a path without its record.
    """
    first, *others = stdout.split("//")
    path, records = first, iter(others)
    for record in records:
        line, _, next_path = record.partition("\n")
        if record == _DONE:
            yield path, _DONE
            path = next(records, "incomplete answer")
        elif line.startswith("notAfter="):
            yield path, _parse_expiry(line.removeprefix("notAfter="))
            path = next_path
        else:
            yield path, None
            path = record
    if path:
        yield path, None


def _why_incomplete(spec: CertificatesSpec, completed: Iterable[str], stderr: str) -> str:
    """Explain why a folder was not read completely; empty if each was, or does not exist."""
    lines = [line for line in stderr.split("\n") if line]
    if errors := [line for line in lines if line.startswith("find") and not line.endswith(_ABSENT)]:
        return errors[0]
    absent = (f for f in spec.folder.values for line in lines if f in line and line.endswith(_ABSENT))
    settled = {*completed, *absent}
    return next((f"find's answer for {f} is incomplete" for f in spec.folder.values if f not in settled), "")


def _parse_expiry(text: str) -> int | None:
    """Parse openssl's "Nov 22 19:00:00 2026 GMT" to seconds since 1970, independent of the auditor's locale."""
    match = _EXPIRY.fullmatch(text)
    if not match or match[1] not in _MONTHS:
        return None
    day, hour, minute, second, year = (int(number) for number in match.groups()[1:])
    if not (1 <= day <= 31 and year >= 1):
        return None
    return calendar.timegm((year, _MONTHS.index(match[1]) + 1, day, hour, minute, second))


def _parse_clock(answer: Answer) -> int | Unanswered:
    if isinstance(answer, Unanswered):
        return answer
    if re.fullmatch(r"[0-9]{1,12}\n", answer.stdout):
        return int(answer.stdout)
    return Unanswered(f"date's answer is not a time: {answer.stdout[:200]!r}")


# --- evaluation ------------------------------------------------------------------------------------------------


def evaluate(spec: CertificatesSpec, answers: Answers) -> Iterator[Result]:
    """Evaluate each certificate, and whether any exists."""
    folder_expectation = _expectation(spec, str(spec.folder))
    answer, now = answers[expiry_probe(spec)], _parse_clock(answers[CLOCK])
    if isinstance(answer, Unanswered):
        yield folder_expectation.unknown(answer.reason)
        return
    if isinstance(now, Unanswered):
        yield folder_expectation.unknown(now.reason)
        return
    records = sorted(_parse_certificates(answer.stdout), key=itemgetter(0))
    # a file directly in the folder is no certificate: each certificate has its own folder
    folders = {folder.rstrip("/") for folder in spec.folder.values}
    certificates = [
        (path, expiry) for path, expiry in records if expiry != _DONE and posixpath.dirname(path) not in folders
    ]
    incomplete = _why_incomplete(spec, (path for path, expiry in records if expiry == _DONE), answer.stderr)
    if bool(answer.status) != bool(answer.stderr) and not certificates:
        error = f"find's answer could not be parsed (status {answer.status}): {answer.stderr[:200]!r}"
        incomplete = incomplete or error
    if incomplete:
        yield folder_expectation.unknown(f"not all certificates could be read: {incomplete}")
    elif not certificates:
        yield _no_certificate(folder_expectation, spec)
    missing = any(_OPENSSL in line for line in answer.stderr.split("\n") if line.startswith("find: "))
    reason = (
        f"{_OPENSSL} does not exist" if missing else "openssl returned no expiry date: is the file a certificate?"
    )
    for path, expiry in certificates:
        if isinstance(expiry, int):
            yield _evaluate_expiry(spec, path, expiry, now)
        else:
            yield _expectation(spec, path).unknown(reason)


def _no_certificate(expectation: Expectation, spec: CertificatesSpec) -> Result:
    message = f"no certificate exists in {' or '.join(spec.folder.values)}"
    return expectation.drift("no certificate", message, _certbot(spec, "certificates"))


def _expectation(spec: CertificatesSpec, subject: str, severity: Severity | None = None) -> Expectation:
    expected = f"at least {spec.days} days left"
    return Expectation(
        check="certificate.expiry",
        subject=subject,
        at=("certificates", "days"),
        expected=expected,
        severity=severity,
    )


def _evaluate_expiry(spec: CertificatesSpec, path: str, expiry: int, now: int) -> Result:
    days = (expiry - now) // _DAY_SECONDS
    name = posixpath.basename(posixpath.dirname(path))
    renew = _certbot(spec, "renew", "--cert-name", name)
    if expiry <= now:
        return _expectation(spec, path).drift(
            "expired", f"the certificate {name} expired {(now - expiry) // _DAY_SECONDS} days ago", renew
        )
    if days < spec.days:
        message = f"the certificate {name} expires in {days} days and was not renewed"
        return _expectation(spec, path, Severity.WARNING).drift(f"{days} days left", message, renew)
    return _expectation(spec, path).ok(f"{days} days left")


def _certbot(spec: CertificatesSpec, *arguments: str) -> str:
    prefix = ("docker", "exec", spec.container) if spec.container else ()
    return shlex.join((*prefix, "certbot", *arguments))


CHECKER = Checker(
    section="certificates",
    model=CertificatesSpec,
    # Critical: browsers refuse a site with an expired certificate.
    checks=(
        Check(
            "certificate.expiry",
            Severity.CRITICAL,
            "a certificate has expired, or none exists (warning: it expires soon)",
            "`certbot renew --cert-name NAME`",
        ),
    ),
    collected="`find` and `openssl x509 -enddate`, with sudo; `date` for the host's own clock",
    facts=probes,
    evaluate=evaluate,
)
