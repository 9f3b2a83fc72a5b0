"""postgres.allow-list: only clients of the database are admitted, and no range of hosts without a password.

The file is evaluated; PostgreSQL reads it when it is reloaded. A record that PostgreSQL never reaches, because an
earlier record decides, admits no host and is ignored.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from olaudit.checker import Checker
from olaudit.checks.postgres.clients import DatabaseClient, find_admitting_rule, parse_client
from olaudit.checks.postgres.hba import HbaRule, HbaRules, is_within, parse
from olaudit.checks.postgres.spec import PostgresSpec
from olaudit.model import Answer, Answers, Check, Command, Expectation, Lookup, Probe, Result, Severity, Unanswered

_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
_MAX_SHOWN = 5


def _read_probe(spec: PostgresSpec) -> Command:
    # The file has mode 0640 and belongs to postgres; the folder of PostgreSQL's version is not known. -R follows
    # links, such as those of deployed files; -Z separates the name of the file from its content.
    grep = ("grep", "-a", "-R", "-H", "-Z", "--include=pg_hba.conf", "-e", "^")
    # 1: the folder contains no such file
    return Command((*grep, "--", spec.hba), may_hang=True, sudo=True, statuses=(0, 1))


def probes(spec: PostgresSpec) -> tuple[Probe, ...]:
    """Build the probe that reads the file, and the lookups of the clients."""
    return (_read_probe(spec), *map(Lookup, spec.clients))


def evaluate(spec: PostgresSpec, answers: Answers) -> Iterator[Result]:
    """Evaluate each client, then ranges without a password, then other admitted hosts."""
    file = _parse_file(answers[_read_probe(spec)])
    clients = tuple(parse_client(name, answers[Lookup(name)]) for name in spec.clients)
    if isinstance(file, Unanswered):
        expectations = (
            *(_expect_client(index, name) for index, name in enumerate(spec.clients)),
            _expect_no_trust(),
            _expect_no_others(),
        )
        yield from (expectation.unknown(file.reason) for expectation in expectations)
        return
    for index, client in enumerate(clients):
        yield _evaluate_client(index, client, file)
    yield _evaluate_trust(file)
    yield _evaluate_others(spec, clients, file)


# --- parsing ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _HbaFile:
    """The pg_hba.conf of the host."""

    path: str
    hba: HbaRules

    @property
    def problem(self) -> str:
        """The first parse error; with one, no result can be ok. Empty if there is none."""
        return f"{self.path}: {self.hba.problems[0]}" if self.hba.problems else ""


def _parse_file(answer: Answer) -> _HbaFile | Unanswered:
    if isinstance(answer, Unanswered):
        return answer
    if answer.stderr:
        return Unanswered(f"cannot read pg_hba.conf: {answer.stderr.partition(chr(10))[0][:200]}")
    *records, partial = answer.stdout.split("\n")
    lines = [line.partition("\0") for line in records]
    paths = sorted({path for path, _, _ in lines})
    if partial or not all(nul for _, nul, _ in lines) or bool(lines) != (answer.status == 0):
        return Unanswered(f"cannot parse the output of grep (status {answer.status}): {answer.stdout[:200]!r}")
    if not paths:
        return Unanswered("pg_hba.conf does not exist")
    if len(paths) > 1:
        listed = ", ".join(paths)[:200]
        return Unanswered(f"there are {len(paths)} pg_hba.conf files: {listed}: set hba to the folder of one")
    return _HbaFile(paths[0], parse("\n".join(text for _, _, text in lines)))


# --- evaluation ------------------------------------------------------------------------------------------------


def _expect_client(index: int, name: str) -> Expectation:
    return Expectation(
        check="postgres.allow-list",
        subject=name,
        at=("postgres", "clients", index),
        expected="the client is admitted",
    )


def _expect_no_trust() -> Expectation:
    return Expectation(
        check="postgres.allow-list",
        subject="trust",
        at=("postgres", "clients"),
        expected="no range of hosts is admitted without a password",
    )


def _expect_no_others(severity: Severity = Severity.WARNING) -> Expectation:
    return Expectation(
        check="postgres.allow-list",
        subject="others",
        at=("postgres", "clients"),
        expected="no host other than the clients is admitted",
        severity=severity,
    )


def _evaluate_client(index: int, client: DatabaseClient, file: _HbaFile) -> Result:
    expectation = _expect_client(index, client.name)
    if file.problem:
        return expectation.unknown(file.problem)
    admitting = find_admitting_rule(client, file.hba.rules)
    if isinstance(admitting, HbaRule):
        return expectation.ok(str(admitting), f"admitted by {admitting}")
    where = ", ".join(str(address.network_address) for address in client.addresses) or client.name
    if admitting is None:
        reason = client.reason or f"a record with samenet may or may not match {where}"
        return expectation.unknown(f"cannot determine whether {client.name} is admitted: {reason}")
    message = f"{client.name} ({where}) needs the database, but no record in {file.path} admits it"
    return expectation.drift("not admitted", message)


def _evaluate_trust(file: _HbaFile) -> Result:
    expectation = _expect_no_trust()
    open_rules = [rule for rule in file.hba.rules if _is_open(rule)]
    if open_rules:
        shown = _format_rules(open_rules)
        message = f"{file.path} admits {shown} without a password: replace the method trust"
        return expectation.drift(shown, message, _fix(file))
    return expectation.unknown(file.problem) if file.problem else expectation.ok("none")


def _evaluate_others(spec: PostgresSpec, clients: Sequence[DatabaseClient], file: _HbaFile) -> Result:
    also = tuple(map(ipaddress.ip_network, spec.also))
    unexpected: list[HbaRule] = []
    uncertain: list[HbaRule] = []
    for rule in file.hba.rules:
        allowed = rule.rejects or _is_local(rule) or any(is_within(rule.origin, network) for network in also)
        if allowed or _is_open(rule):  # _evaluate_trust reports open records
            continue
        matches = {client.matches(rule) for client in clients} if rule.single else {False}
        if True not in matches:
            (uncertain if None in matches else unexpected).append(rule)
    if unexpected:
        trusted = any(rule.trusts for rule in unexpected)
        shown = _format_rules(unexpected)
        severity = Severity.CRITICAL if trusted else Severity.WARNING
        how = ", without a password" if trusted else ""
        message = f"{file.path} admits hosts other than the clients: {shown}{how}"
        return _expect_no_others(severity).drift(shown, message, _fix(file))
    if file.problem:
        return _expect_no_others().unknown(file.problem)
    if uncertain:
        reason = next(client.reason for client in clients if client.reason)
        shown = _format_rules(uncertain)
        return _expect_no_others().unknown(f"cannot determine whether {shown} is a client: {reason}")
    return _expect_no_others().ok("no other hosts")


def _is_local(rule: HbaRule) -> bool:
    if rule.origin in ("<samehost>", "localhost"):
        return True
    return any(is_within(rule.origin, network) for network in _LOOPBACK)


def _is_open(rule: HbaRule) -> bool:
    return rule.trusts and not rule.single and not _is_local(rule)


def _format_rules(rules: Sequence[HbaRule]) -> str:
    more = f" and {len(rules) - _MAX_SHOWN} more" if len(rules) > _MAX_SHOWN else ""
    return ", ".join(map(str, rules[:_MAX_SHOWN])) + more


def _fix(file: _HbaFile) -> str:
    return (
        f"sudoedit {file.path} && service postgresql reload"
        if " " not in file.path
        else "service postgresql reload"
    )


CHECKER = Checker(
    section="postgres",
    model=PostgresSpec,
    checks=(
        Check(
            "postgres.allow-list",
            # A client that is not admitted is down; a range without a password exposes the patrons' data. Only an
            # additional record that requires a password can wait.
            Severity.CRITICAL,
            "a client is not admitted, a range is admitted without a password, or (a warning) another host is",
            "edit pg_hba.conf, then `service postgresql reload`",
        ),
    ),
    collected="pg_hba.conf by sudo, and the clients' names by the resolver of the machine that runs the audit",
    facts=probes,
    evaluate=evaluate,
)
