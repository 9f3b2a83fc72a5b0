"""Parser for the text of pg_hba.conf: records in order, of which the first that matches decides.

The grammar is that of src/backend/libpq/hba.c. Words in double quotes are not keywords. A comma joins words to one
field. An address is a word with a prefix length, a word that is followed by a mask, or a name.
"""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from olaudit.facts.addresses import Network

MAX_RULES = 1000
"""Far more than any allow list has: a huge file on a broken host must not slow down the audit."""

_CONNECTIONS = ("host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc")
_INCLUDES = ("include", "include_if_exists", "include_dir")
_KEYWORDS = ("all", "samehost", "samenet")
_CERTIFICATE_OPTIONS = ("clientcert=1", "clientcert=verify-ca", "clientcert=verify-full")
_TOKEN = re.compile(r'[\s,]*((?:"[^"]*"|[^\s,"#])+)(,?)')
_END_OF_LINE = re.compile(r"[\s,]*(?:#.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class HbaRule:
    """One record for network connections; `text` is the address as the file spells it.

    `origin` is a network or a word: a host name, a suffix of names (".example.org"), or a keyword in angle
    brackets ("<all>", "<samehost>", "<samenet>"). `everything`: the record is for all databases and users;
    replication is not a database. `ordinary`: the record is for databases; `replication`: for replication.
    `trusts`: it requires neither a password nor a certificate.
    """

    line: int
    connection: str
    origin: Network | str
    text: str
    everything: bool
    ordinary: bool
    replication: bool
    rejects: bool
    trusts: bool

    @property
    def final(self) -> bool:
        """Whether no later record affects the matching hosts, except for replication."""
        return self.everything and self.connection == "host"

    @property
    def single(self) -> bool:
        """Whether the record matches a single host."""
        if isinstance(self.origin, str):
            return not self.origin.startswith((".", "<"))
        return self.origin.num_addresses == 1

    def hides(self, other: "HbaRule") -> bool:
        """Return whether PostgreSQL never reaches `other`, a later record."""
        if not self.final or (other.replication and not self.replication):
            return False
        return self.origin in ("<all>", other.origin) or is_within(other.origin, self.origin)

    def __str__(self) -> str:
        return f"{self.text} (line {self.line})"


@dataclass(frozen=True, slots=True)
class HbaRules:
    """Records that PostgreSQL can reach, in order, and the parse errors of the file."""

    rules: tuple[HbaRule, ...]
    problems: tuple[str, ...]


class _Token(NamedTuple):
    """One word in a record; a word in quotes is not a keyword."""

    text: str
    quoted: bool

    def is_keyword(self, *keywords: str) -> bool:
        return not self.quoted and self.text in keywords


_Field = tuple[_Token, ...]


def is_within(inner: Network | str, outer: Network | str) -> bool:
    """Return whether one network is a part of another, or equal to it."""
    if isinstance(inner, ipaddress.IPv4Network) and isinstance(outer, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, ipaddress.IPv6Network) and isinstance(outer, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False


def parse(text: str) -> HbaRules:
    """Parse the text of the file. Total: a record that cannot be parsed is a problem."""
    rules: list[HbaRule] = []
    problems: list[str] = []
    for number, line in _join_lines(text):
        if len(rules) + len(problems) >= MAX_RULES:
            problems.append(f"more than {MAX_RULES} records")
            break
        try:
            rule = _parse_rule(number, tuple(_split_fields(line)))
        except ValueError as error:
            problems.append(f"cannot parse line {number}: {error}")
            continue
        if rule and not any(earlier.hides(rule) for earlier in rules):
            rules.append(rule)
    return HbaRules(tuple(rules), tuple(problems))


def _join_lines(text: str) -> Iterator[tuple[int, str]]:
    """Join continued lines (a backslash at the end). Before PostgreSQL 14, such a line was an error.

    Since PostgreSQL 14 a comment continues too. Here it does not, because on an older version the next line may be
    a record in force.
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


def _split_fields(line: str) -> Iterator[_Field]:
    """Split a line into fields. Raises ValueError for an unterminated quote."""
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
    if not _END_OF_LINE.fullmatch(line, position):
        raise ValueError("unterminated quote")


def _parse_rule(number: int, fields: Sequence[_Field]) -> HbaRule | None:
    """Parse one record; None for an empty line or a record for local connections. Raises ValueError."""
    if not fields or fields[0][0].text == "local":
        return None
    connection = fields[0][0].text
    if connection in _INCLUDES:
        raise ValueError("it includes another file, and included files are not read")
    if connection not in _CONNECTIONS:
        raise ValueError(f"{connection[:40]!r} is not a connection type")
    if len(fields) < 5:
        raise ValueError("it has too few fields")
    _, databases, users, address, *tail = fields
    origin, text, (method, *options) = _parse_origin(_single(address), tail)
    option_texts = [token.text for field in options for token in field]
    return HbaRule(
        line=number,
        connection=connection,
        origin=origin,
        text=text,
        everything=_has(databases, "all") and _has(users, "all"),
        ordinary=not all(token.is_keyword("replication") for token in databases),
        replication=_has(databases, "replication"),
        rejects=_single(method).text == "reject",
        trusts=_single(method).text == "trust" and not any(text in _CERTIFICATE_OPTIONS for text in option_texts),
    )


def _single(field: _Field) -> _Token:
    """Return the only word of a field that cannot be a list."""
    if len(field) != 1:
        raise ValueError("it has a list where only one value is allowed")
    return field[0]


def _has(field: _Field, keyword: str) -> bool:
    return any(token.is_keyword(keyword) for token in field)


def _parse_origin(address: _Token, tail: Sequence[_Field]) -> tuple[Network | str, str, Sequence[_Field]]:
    """Parse the address; return it with its spelling in the file and the fields after it."""
    if address.is_keyword(*_KEYWORDS):
        return f"<{address.text}>", address.text, tail
    if "/" in address.text:
        return ipaddress.ip_network(address.text, strict=False), address.text, tail
    try:
        ip = ipaddress.ip_address(address.text)
    except ValueError:
        return address.text.lower(), address.text, tail
    mask = _single(tail[0]).text
    if len(tail) < 2:
        raise ValueError("it has no mask")
    bits = f"{int(ipaddress.ip_address(mask)):0{ip.max_prefixlen}b}"
    if "01" in bits or len(bits) != ip.max_prefixlen:
        raise ValueError(f"{mask[:40]!r} is not a mask")
    spelled = f"{ip}/{bits.count('1')}"
    return ipaddress.ip_network(spelled, strict=False), spelled, tail[1:]
