"""postgres.allow-list: only clients of the database are admitted, and no range of hosts without a password.

The file is evaluated; PostgreSQL reads it when it is reloaded. A record that PostgreSQL never reaches, because an
earlier record decides, admits no host and is ignored.
"""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from olaudit.checker import Checker
from olaudit.facts.addresses import Network, Resolution, known_to_resolver, resolution
from olaudit.facts.hba import HbaFile, hba_file
from olaudit.facts.hba_records import HbaRule, is_within
from olaudit.language import AbsolutePath, LookupName, Section, parsed_by
from olaudit.model import Basis, Check, Expectation, Fact, Facts, Result, Severity, Unknown

_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
_MAX_SHOWN = 5


class PostgresSpec(Section):
    """The hosts that a PostgreSQL server must admit; no other host may be admitted.

    `hba`: the folder that contains pg_hba.conf, at any depth. `clients`: the hosts that need the database, by the
    fully qualified names that the auditor's resolver knows. `also`: networks that may be admitted too.
    """

    hba: AbsolutePath = "/etc/postgresql"
    clients: tuple[LookupName, ...]
    also: tuple[Annotated[str, parsed_by(ipaddress.ip_network)], ...] = ()


ALLOW_LIST = Check(
    "postgres.allow-list",
    # A client that is not admitted is down; a range without a password exposes the patrons' data. Only an
    # additional record that requires a password can wait.
    Severity.CRITICAL,
    "a client is not admitted, a range is admitted without a password, or (a warning) another host is",
    "edit pg_hba.conf, then `service postgresql reload`",
)


def evaluate(spec: PostgresSpec, facts: Facts) -> Iterator[Result]:
    """Evaluate each client, then ranges without a password, then other admitted hosts."""
    source = hba_file(spec.hba)
    file = facts[source]
    clients = tuple(_client(name, facts[resolution(name)]) for name in spec.clients)
    for index, client in enumerate(clients):
        yield _evaluate_client(index, client, source, file)
    yield _evaluate_trust(source, file)
    yield _evaluate_others(spec, clients, source, file)


def _complete(file: HbaFile | Unknown) -> HbaFile | Unknown:
    """Return the file if all of its records could be parsed: with a parse error, no result can be ok."""
    return Unknown(file.problem) if isinstance(file, HbaFile) and file.problem else file


def _about(source: Fact[HbaFile], rules: Sequence[HbaRule]) -> Basis:
    """Return the part of the file that holds `rules`; all of it if there are none."""
    return source.about(*(f"line {rule.line}" for rule in rules))


# --- clients ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DatabaseClient:
    """A host that needs the database. Each address is a network of one address; `doubt` is why there are none."""

    name: str
    names: frozenset[str]
    addresses: tuple[Network, ...] = ()
    doubt: str = ""

    @property
    def where(self) -> str:
        """The addresses, else the name."""
        return ", ".join(str(address.network_address) for address in self.addresses) or self.name

    def matches(self, rule: HbaRule) -> bool | None:
        """Return whether `rule` applies to this host, alone or among others; None if that cannot be determined."""
        origin = rule.origin
        if not isinstance(origin, str):
            if not origin.prefixlen:
                return True
            return None if self.doubt else any(is_within(address, origin) for address in self.addresses)
        if origin == "<samenet>":
            return None
        if origin.startswith("<"):
            return origin == "<all>"
        if origin.startswith("."):
            return any(name.endswith(origin) for name in self.names)
        return origin in self.names


def _client(name: str, resolved: Resolution | Unknown) -> DatabaseClient:
    """Build a client from its resolution. Its names include its short name."""
    own_names = frozenset({name.lower(), name.lower().partition(".")[0]})
    resolved = known_to_resolver(name, resolved)
    if isinstance(resolved, Unknown):
        return DatabaseClient(name, own_names, doubt=resolved.reason)
    addresses = resolved.networks()
    if isinstance(addresses, Unknown):
        return DatabaseClient(name, own_names, doubt=addresses.reason)
    reverse_names = {name.lower() for names in resolved.names.values() for name in names}
    return DatabaseClient(name, own_names | reverse_names, addresses)


def find_admitting_rule(client: DatabaseClient, rules: Sequence[HbaRule]) -> HbaRule | bool | None:
    """Return the record that admits a client; False if none does, None if that cannot be determined.

    A record that rejects only some databases or users leaves the others to the later records.
    """
    may_accept = may_reject = False  # whether an earlier record may match the client
    for rule in rules:
        matches = client.matches(rule)
        if matches is False or not rule.ordinary or (rule.rejects and not rule.final):
            continue
        if matches is None:
            may_reject, may_accept = may_reject or rule.rejects, may_accept or not rule.rejects
        elif rule.rejects:
            return None if may_accept else False
        else:
            return None if may_reject else rule
    return None if may_accept else False


def _evaluate_client(index: int, client: DatabaseClient, source: Fact[HbaFile], file: HbaFile | Unknown) -> Result:
    expect = partial(ALLOW_LIST.expect, client.name, ("postgres", "clients", index), "the client is admitted")
    lookup, complete = resolution(client.name), _complete(file)
    expectation = expect(based_on=(source, lookup))
    if isinstance(complete, Unknown):
        return expectation.unknown(complete.reason)
    admitting = find_admitting_rule(client, complete.rules)
    if isinstance(admitting, HbaRule):
        expectation = expect(based_on=(_about(source, [admitting]), lookup))
        return expectation.ok(str(admitting), f"admitted by {admitting}")
    if admitting is None:
        reason = client.doubt or f"a record with samenet may or may not match {client.where}"
        return expectation.unknown(f"cannot determine whether {client.name} is admitted: {reason}")
    message = f"{client.name} ({client.where}) needs the database, but no record in {complete.path} admits it"
    return expectation.drift("not admitted", message)


# --- ranges without a password, and other hosts ----------------------------------------------------------------


def _evaluate_trust(source: Fact[HbaFile], file: HbaFile | Unknown) -> Result:
    rules = [] if isinstance(file, Unknown) else [rule for rule in file.rules if _is_open(rule)]
    expected, based_on = "no range of hosts is admitted without a password", (_about(source, rules),)
    expectation = ALLOW_LIST.expect("trust", ("postgres", "clients"), expected, based_on=based_on)
    if isinstance(file, Unknown) or not rules:
        return expectation.evaluate(_complete(file), lambda _: expectation.ok("none"))
    shown = _format_rules(rules)
    message = f"{file.path} admits {shown} without a password: replace the method trust"
    return expectation.drift(shown, message, _fix(file))


def _evaluate_others(
    spec: PostgresSpec, clients: Sequence[DatabaseClient], source: Fact[HbaFile], file: HbaFile | Unknown
) -> Result:
    also = tuple(map(ipaddress.ip_network, spec.also))
    # _evaluate_trust reports open records
    candidates = [] if isinstance(file, Unknown) else [rule for rule in file.rules if not _is_open(rule)]
    others = [(rule, _is_client(rule, clients)) for rule in candidates if not _is_allowed(rule, also)]
    unexpected = [rule for rule, is_client in others if is_client is False]
    trusted = any(rule.trusts for rule in unexpected)
    lookups = map(resolution, spec.clients) if any(rule.single for rule, _ in others) else ()
    expectation = ALLOW_LIST.expect(
        "others",
        ("postgres", "clients"),
        "no host other than the clients is admitted",
        severity=Severity.CRITICAL if trusted else Severity.WARNING,
        based_on=(_about(source, unexpected), *lookups),
    )
    if isinstance(file, Unknown) or not unexpected:
        uncertain = [rule for rule, is_client in others if is_client is None]
        doubts = [client.doubt for client in clients if client.doubt]
        return expectation.evaluate(_complete(file), lambda _: _evaluate_uncertain(expectation, uncertain, doubts))
    shown, how = _format_rules(unexpected), ", without a password" if trusted else ""
    message = f"{file.path} admits hosts other than the clients: {shown}{how}"
    return expectation.drift(shown, message, _fix(file))


def _evaluate_uncertain(expectation: Expectation, uncertain: Sequence[HbaRule], doubts: Sequence[str]) -> Result:
    if uncertain:
        shown = _format_rules(uncertain)
        return expectation.unknown(f"cannot determine whether {shown} is a client: {doubts[0]}")
    return expectation.ok("no other hosts")


def _is_client(rule: HbaRule, clients: Sequence[DatabaseClient]) -> bool | None:
    """Return whether a record is for a client only; None if that cannot be determined."""
    matches = {client.matches(rule) for client in clients} if rule.single else {False}
    return True in matches or (None if None in matches else False)


def _is_allowed(rule: HbaRule, also: Sequence[Network]) -> bool:
    return rule.rejects or _is_local(rule) or any(is_within(rule.origin, network) for network in also)


def _is_local(rule: HbaRule) -> bool:
    is_this_host = rule.origin in ("<samehost>", "localhost")
    return is_this_host or any(is_within(rule.origin, network) for network in _LOOPBACK)


def _is_open(rule: HbaRule) -> bool:
    return rule.trusts and not rule.single and not _is_local(rule)


def _format_rules(rules: Sequence[HbaRule]) -> str:
    more = f" and {len(rules) - _MAX_SHOWN} more" if len(rules) > _MAX_SHOWN else ""
    return ", ".join(map(str, rules[:_MAX_SHOWN])) + more


def _fix(file: HbaFile) -> str:
    reload = "service postgresql reload"
    return f"sudoedit {file.path} && {reload}" if " " not in file.path else reload


CHECKER = Checker(
    section="postgres",
    model=PostgresSpec,
    checks=(ALLOW_LIST,),
    collected="pg_hba.conf by sudo, and the clients' names by the resolver of the machine that runs the audit",
    facts=lambda spec: (hba_file(spec.hba), *map(resolution, spec.clients)),
    evaluate=evaluate,
)
