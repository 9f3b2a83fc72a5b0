"""pg_hba.conf as PostgreSQL reads it: records in order, of which the first that fits decides.

The grammar is that of src/backend/libpq/hba.c: words in double quotes are no keywords, a comma joins
words to one field, an address is a word with a prefix length, or followed by a mask, or a name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_RULES = 1000
"""Far more than any allow list has; the file of a host that has gone mad must not keep the auditor busy."""

_CONNECTIONS = ("host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc")
_INCLUDES = ("include", "include_if_exists", "include_dir")
_KEYWORDS = ("all", "samehost", "samenet")
_CERTIFICATE = ("clientcert=1", "clientcert=verify-ca", "clientcert=verify-full")
_TOKEN = re.compile(r'[\s,]*((?:"[^"]*"|[^\s,"#])+)(,?)')
_NOTHING = re.compile(r"[\s,]*(?:#.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rule:
    """One record for connections over the network; `text` is the address as the file spells it.

    `origin` is a network or a word: the name of a host, a suffix of names (".example.org"), or a keyword in angle
    brackets ("<all>", "<samehost>", "<samenet>"). `everything`: for all databases and users, which replication
    is not one of; `ordinary`: for databases; `replication`: for replication. `trusts`: it asks for neither a
    password nor a certificate.
    """

    line: int
    kind: str
    origin: Network | str
    text: str
    everything: bool
    ordinary: bool
    replication: bool
    rejects: bool
    trusts: bool

    @property
    def final(self) -> bool:
        """Whether nothing that comes later can matter to the hosts it stands for, but for replication."""
        return self.everything and self.kind == "host"

    @property
    def single(self) -> bool:
        """Whether it stands for one host only."""
        if isinstance(self.origin, str):
            return not self.origin.startswith((".", "<"))
        return self.origin.num_addresses == 1

    def hides(self, other: Rule) -> bool:
        """Say whether `other`, which comes later, is never come to."""
        if not self.final or (other.replication and not self.replication):
            return False
        return self.origin in ("<all>", other.origin) or within(other.origin, self.origin)

    def __str__(self) -> str:
        """Name it for people."""
        return f"{self.text} (line {self.line})"


@dataclass(frozen=True, slots=True)
class Hba:
    """The records that can be come to at all, in order, and what of the file was not understood."""

    rules: tuple[Rule, ...]
    problems: tuple[str, ...]


class _Token(NamedTuple):
    """A word; one in quotes is no keyword."""

    text: str
    quoted: bool

    def means(self, *keywords: str) -> bool:
        return not self.quoted and self.text in keywords


_Field = tuple[_Token, ...]


def within(inner: Network | str, outer: Network | str) -> bool:
    """Say whether one network is part of another, or the same."""
    if isinstance(inner, ipaddress.IPv4Network) and isinstance(outer, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, ipaddress.IPv6Network) and isinstance(outer, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False


def parse(text: str) -> Hba:
    """Read the file's text. Total: what cannot be understood is a problem."""
    rules: list[Rule] = []
    problems: list[str] = []
    for number, line in _lines(text):
        if len(rules) + len(problems) >= MAX_RULES:
            problems.append(f"it has more than {MAX_RULES} records")
            break
        try:
            rule = _rule(number, tuple(_fields(line)))
        except ValueError as error:
            problems.append(f"line {number} is not understood: {error}")
            continue
        if rule and not any(earlier.hides(rule) for earlier in rules):
            rules.append(rule)
    return Hba(tuple(rules), tuple(problems))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Join lines that go on in the next one, which is so since PostgreSQL 14; before, such a line was an error.

    Since then a comment goes on as well, where before it did not: it does not here, since what follows it may be
    a record that is in force.
    """
    pending, start = "", 1
    for number, line in enumerate(text.split("\n"), 1):
        start = start if pending else number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            pending += line[:-1] + " "
            continue
        yield start, pending + line
        pending = ""
    yield start, pending


def _fields(line: str) -> Iterator[_Field]:
    """Split a line. Raises ValueError for a quote without end."""
    field: list[_Token] = []
    position = 0
    while match := _TOKEN.match(line, position):
        field.append(_Token(match[1].replace('"', ""), match[1].startswith('"')))
        position = match.end()
        if not match[2]:
            yield tuple(field)
            field = []
    if field:
        yield tuple(field)
    if not _NOTHING.fullmatch(line, position):
        raise ValueError("a quote has no end")


def _rule(number: int, fields: Sequence[_Field]) -> Rule | None:
    """Read one record; None for a line without one, or one for local connections. Raises ValueError."""
    if not fields or fields[0][0].text == "local":
        return None
    kind = fields[0][0].text
    if kind in _INCLUDES:
        raise ValueError("it includes another file, which is not read")
    if kind not in _CONNECTIONS:
        raise ValueError(f"{kind[:40]!r} is no kind of record")
    if len(fields) < 5:
        raise ValueError("it lacks fields")
    _, databases, users, address, *rest = fields
    origin, text, (method, *options) = _origin(_only(address), rest)
    words = [token.text for field in options for token in field]
    return Rule(
        line=number,
        kind=kind,
        origin=origin,
        text=text,
        everything=_any(databases) and _any(users),
        ordinary=not all(token.means("replication") for token in databases),
        replication=any(token.means("replication") for token in databases),
        rejects=_only(method).text == "reject",
        trusts=_only(method).text == "trust" and not any(word in _CERTIFICATE for word in words),
    )


def _only(field: _Field) -> _Token:
    """Give the one word of a field that takes no list."""
    if len(field) != 1:
        raise ValueError("it has a list where there can be none")
    return field[0]


def _any(field: _Field) -> bool:
    return any(token.means("all") for token in field)


def _origin(address: _Token, rest: Sequence[_Field]) -> tuple[Network | str, str, Sequence[_Field]]:
    """Read the address, and give how it is spelled and the fields after it."""
    if address.means(*_KEYWORDS):
        return f"<{address.text}>", address.text, rest
    if "/" in address.text:
        return ipaddress.ip_network(address.text, strict=False), address.text, rest
    try:
        ip = ipaddress.ip_address(address.text)
    except ValueError:
        return address.text.lower(), address.text, rest
    mask = _only(rest[0]).text
    if len(rest) < 2:
        raise ValueError("it lacks a mask")
    bits = f"{int(ipaddress.ip_address(mask)):0{ip.max_prefixlen}b}"
    if "01" in bits or len(bits) != ip.max_prefixlen:
        raise ValueError(f"{mask[:40]!r} is no mask")
    spelled = f"{ip}/{bits.count('1')}"
    return ipaddress.ip_network(spelled, strict=False), spelled, rest[1:]
