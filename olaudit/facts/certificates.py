"""Expiry of TLS certificates, and the host's own time, with which it is compared."""

import posixpath
import re
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter

from olaudit.facts.answers import error_lines, is_absent, unparsable
from olaudit.model import Answered, Command, Fact, Unknown

_OPENSSL = "/usr/bin/openssl"
_DONE = "end"
"""The record after the path of a folder that was read completely."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """The path and the expiry time of each certificate, sorted by path, in seconds since 1970.

    `unread` is why certificates may be missing; None if none is.
    """

    expiries: tuple[tuple[str, int | Unknown], ...]
    unread: Unknown | None


def certificates(folders: Sequence[str]) -> Fact[Certificates]:
    """Build the fact of the certificates in certbot's `folders`, of which some need not exist.

    Servers use `fullchain.pem`. Its first certificate is the site's own, and openssl reads only that one.
    Only root can read the folder. The command runs with sudo, so it gives openssl's full path: root must not run
    another program of that name.
    """
    patterns = [re.sub(r"([][*?\\])", r"\\\1", folder) for folder in folders]
    # Each folder comes after its contents (-depth), and so ends its part of the answer. The command contains no
    # backslash, such as a line break in -printf, because a sudoers rule does not match it as it is written there.
    end_marker = [
        argument for pattern in patterns for argument in ("-path", pattern, "-printf", "%p//end//", "-o")
    ]
    openssl = (_OPENSSL, "x509", "-noout", "-enddate", "-in", "{}", ";")
    certificate = ("-name", "fullchain.pem", "-printf", "%p//", "-exec", *openssl)
    argv = ("find", "-L", *folders, "-depth", "-maxdepth", "2", "(", *end_marker, *certificate, ")")
    probe = Command(argv, may_hang=True, sudo=True, statuses=(0, 1))  # 1: some files could not be read
    return Fact("certificates", probe, partial(_parse, tuple(folders)))


def _parse(folders: tuple[str, ...], answer: Answered) -> Certificates:
    records = sorted(_parse_records(answer.stdout), key=itemgetter(0))
    # a file directly in the folder is no certificate: each certificate has its own folder
    live = {folder.rstrip("/") for folder in folders}
    dates = [(path, text) for path, text in records if text != _DONE and posixpath.dirname(path) not in live]
    missing = any(_OPENSSL in line for line in answer.stderr.split("\n") if line.startswith("find: "))
    unreadable = Unknown(
        f"{_OPENSSL} does not exist" if missing else "openssl returned no expiry date: is the file a certificate?"
    )
    expiries = tuple((path, _parse_expiry(text, unreadable)) for path, text in dates)
    unread = _why_incomplete(folders, {path for path, text in records if text == _DONE}, answer.stderr)
    if bool(answer.status) != bool(answer.stderr) and not dates:
        unread = unread or unparsable("find", answer)
    return Certificates(expiries, unread)


def _parse_records(stdout: str) -> Iterator[tuple[str, str]]:
    """Parse paths with the expiry dates of their certificates as text; empty if openssl failed.

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
            yield path, line.removeprefix("notAfter=")
            path = next_path
        else:
            yield path, ""
            path = record
    if path:
        yield path, ""


def _why_incomplete(folders: tuple[str, ...], completed: set[str], stderr: str) -> Unknown | None:
    """Explain why a folder was not read completely; None if each was, or does not exist."""
    for line in error_lines(stderr):
        if line.startswith("find") and not is_absent(line):
            return Unknown(line)
    for folder in folders:
        absent = any(folder in line and is_absent(line) for line in error_lines(stderr))
        if folder not in completed and not absent:
            return Unknown(f"find's answer for {folder} is incomplete")
    return None


def _parse_expiry(text: str, unreadable: Unknown) -> int | Unknown:
    """Parse openssl's "Nov 22 19:00:00 2026 GMT" to seconds since 1970, independent of the auditor's locale."""
    try:
        return ssl.cert_time_to_seconds(text)
    except ValueError:
        return unreadable
