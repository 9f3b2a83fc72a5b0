"""postgres.allow-list: who needs the database is admitted, nobody else is, and no range without a password.

What is judged is the file, which PostgreSQL reads when it is reloaded. Records that are never come to, because one
before them decides, are not judged: they admit nobody.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from olaudit.checker import Check, Checker
from olaudit.checks.postgres.clients import Client, admitted, client
from olaudit.checks.postgres.hba import Hba, Rule, parse, within
from olaudit.checks.postgres.spec import PostgresSpec
from olaudit.model import Answer, Answers, Command, Expectation, Lookup, Probe, Result, Severity, Unanswered

_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
_SHOWN = 5


def _read(spec: PostgresSpec) -> Command:
    # The file is postgres's own, 0640, and what the folder for PostgreSQL's version is called is not known. -R
    # follows links, such as those of files that are deployed; -Z sets the file's name apart from what is in it.
    find = ("grep", "-a", "-R", "-H", "-Z", "--include=pg_hba.conf", "-e", "^")
    # 1: there is no such file in it
    return Command((*find, "--", spec.hba), may_hang=True, sudo=True, statuses=(0, 1))


def probes(spec: PostgresSpec) -> tuple[Probe, ...]:
    """Ask the host for the file, and the auditor's resolver for the clients."""
    return (_read(spec), *map(Lookup, spec.clients))


def evaluate(spec: PostgresSpec, answers: Answers) -> Iterator[Result]:
    """Judge each client, then what is open without a password, then who else is admitted."""
    file = _file(answers[_read(spec)])
    known = tuple(client(name, answers[Lookup(name)]) for name in spec.clients)
    if isinstance(file, Unanswered):
        questions = (*(_ask_client(n, name) for n, name in enumerate(spec.clients)), _ask_trust(), _ask_others())
        yield from (expectation.unknown(file.reason) for expectation in questions)
        return
    for n, one in enumerate(known):
        yield _evaluate_client(n, one, file)
    yield _evaluate_trust(file)
    yield _evaluate_others(spec, known, file)


# --- the file --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _File:
    """The one pg_hba.conf that there is."""

    path: str
    hba: Hba

    @property
    def problem(self) -> str:
        """What was not understood, so that nothing can be said to be fine."""
        return f"{self.path}: {self.hba.problems[0]}" if self.hba.problems else ""


def _file(answer: Answer) -> _File | Unanswered:
    if isinstance(answer, Unanswered):
        return answer
    if answer.stderr:
        return Unanswered(f"pg_hba.conf could not be read: {answer.stderr.partition(chr(10))[0][:200]}")
    *records, rest = answer.stdout.split("\n")
    lines = [line.partition("\0") for line in records]
    paths = sorted({path for path, _, _ in lines})
    if rest or not all(nul for _, nul, _ in lines) or bool(lines) != (answer.status == 0):
        return Unanswered(f"grep's answer is not understood (status {answer.status}): {answer.stdout[:200]!r}")
    if not paths:
        return Unanswered("there is no pg_hba.conf")
    if len(paths) > 1:
        return Unanswered(
            f"there are {len(paths)}, {', '.join(paths)[:200]}: set hba to the folder of one of them"
        )
    return _File(paths[0], parse("\n".join(text for _, _, text in lines)))


# --- who is admitted -------------------------------------------------------------------------------------------


def _ask_client(n: int, name: str) -> Expectation:
    return Expectation(
        check="postgres.allow-list", subject=name, at=("postgres", "clients", n), expected="it is admitted"
    )


def _ask_trust() -> Expectation:
    return Expectation(
        check="postgres.allow-list",
        subject="trust",
        at=("postgres", "clients"),
        expected="no range of hosts is admitted without a password",
    )


def _ask_others(severity: Severity = Severity.WARNING) -> Expectation:
    return Expectation(
        check="postgres.allow-list",
        subject="others",
        at=("postgres", "clients"),
        expected="nobody but the clients is admitted",
        severity=severity,
    )


def _evaluate_client(n: int, one: Client, file: _File) -> Result:
    expectation = _ask_client(n, one.name)
    if file.problem:
        return expectation.unknown(file.problem)
    found = admitted(one, file.hba.rules)
    if isinstance(found, Rule):
        return expectation.ok(str(found), f"admitted by {found}")
    where = ", ".join(str(address.network_address) for address in one.addresses) or one.name
    if found is None:
        reason = one.reason or f"a record with samenet may stand for {where}, or not"
        return expectation.unknown(f"whether {one.name} is admitted cannot be told: {reason}")
    message = f"{one.name} ({where}) needs the database, but no record of {file.path} admits it"
    return expectation.drift("not admitted", message)


def _evaluate_trust(file: _File) -> Result:
    expectation = _ask_trust()
    opened = [rule for rule in file.hba.rules if _is_open(rule)]
    if opened:
        shown = _shown(opened)
        message = f"{file.path} lets anybody from {shown} in without a password: set another method than trust"
        return expectation.drift(shown, message, _reload(file))
    return expectation.unknown(file.problem) if file.problem else expectation.ok("none")


def _evaluate_others(spec: PostgresSpec, known: Sequence[Client], file: _File) -> Result:
    also = tuple(map(ipaddress.ip_network, spec.also))
    strangers: list[Rule] = []
    doubtful: list[Rule] = []
    for rule in file.hba.rules:
        fine = rule.rejects or _is_local(rule) or any(within(rule.origin, network) for network in also)
        if fine or _is_open(rule):  # the latter is told already
            continue
        fits = {one.fits(rule) for one in known} if rule.single else {False}
        if True not in fits:
            (doubtful if None in fits else strangers).append(rule)
    if strangers:
        trusted = any(rule.trusts for rule in strangers)
        shown = _shown(strangers)
        message = f"{file.path} admits more than the clients: {shown}{', by trust' if trusted else ''}"
        return _ask_others(Severity.CRITICAL if trusted else Severity.WARNING).drift(shown, message, _reload(file))
    if file.problem:
        return _ask_others().unknown(file.problem)
    if doubtful:
        reasons = next(one.reason for one in known if one.reason)
        return _ask_others().unknown(f"whether {_shown(doubtful)} is a client cannot be told: {reasons}")
    return _ask_others().ok("nobody else")


def _is_local(rule: Rule) -> bool:
    return rule.origin in ("<samehost>", "localhost") or any(within(rule.origin, here) for here in _LOOPBACK)


def _is_open(rule: Rule) -> bool:
    return rule.trusts and not rule.single and not _is_local(rule)


def _shown(rules: Sequence[Rule]) -> str:
    more = f" and {len(rules) - _SHOWN} more" if len(rules) > _SHOWN else ""
    return ", ".join(map(str, rules[:_SHOWN])) + more


def _reload(file: _File) -> str:
    return (
        f"sudoedit {file.path} && service postgresql reload"
        if " " not in file.path
        else "service postgresql reload"
    )


CHECKER = Checker(
    section="postgres",
    model=PostgresSpec,
    ids=(
        Check(
            "postgres.allow-list",
            # Whoever is not admitted is down; a range without a password is everybody's patrons. Only an entry too
            # many that still wants a password can wait.
            Severity.CRITICAL,
            "a client is not admitted, a range is by trust, or (a warning) somebody else is",
            "edit pg_hba.conf, then `service postgresql reload`",
        ),
    ),
    collected="pg_hba.conf by sudo, and the clients' names by the resolver of the machine that audits",
    probes=probes,
    evaluate=evaluate,
)
