"""waivers.yaml: drift that somebody accepts, with an owner, a reason, a ticket and a last day."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import AfterValidator, Field, TypeAdapter, ValidationInfo

from olaudit.expected.folder import Folder
from olaudit.expected.messages import suggest
from olaudit.expected.problems import Problems
from olaudit.expected.spec import WaiverSpec
from olaudit.expected.tree import Items, Node, Scalar, Table
from olaudit.expected.validate import Fault, validate
from olaudit.language import Section
from olaudit.model import finding_id

LONGEST = timedelta(days=366)
"""How far away the last day of a waiver may be: a year, whatever year."""

_WHERE = ("host", "check", "subject")
_GLOB = re.compile(r"[*?\[]")


def parse_date(text: str) -> date:
    """Read YYYY-MM-DD. Raises ValueError that says how to write it."""
    try:
        # Python itself would take 20270131 and 2027-W05 too
        return date.fromisoformat(text if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) else "")
    except ValueError:
        msg = f"{text!r} is no date: write YYYY-MM-DD, such as 2027-01-31"
        raise ValueError(msg) from None


def date_problem(day: date, today: date) -> str:
    """Say that `day` is more than a year after `today`, or nothing."""
    last = today + LONGEST
    return f"{day} is more than a year away: a waiver may last until {last} at most" if day > last else ""


def _is_day(text: str) -> str:
    parse_date(text)
    return text


def _is_id(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{12}", text):
        msg = f"{text!r} is no finding's id: twelve hex digits make one"
        raise ValueError(msg)
    return text


def _is_said(text: str, info: ValidationInfo) -> str:
    if not text.strip():
        msg = f"{info.field_name!r} must not be empty"
        raise ValueError(msg)
    return text


_Said = Annotated[str, AfterValidator(_is_said), Field(json_schema_extra={"minLength": 1})]
_Day = Annotated[str, AfterValidator(_is_day), Field(json_schema_extra={"format": "date"})]
_Id = Annotated[str, AfterValidator(_is_id), Field(json_schema_extra={"pattern": "^[0-9a-f]{12}$"})]


class WaiverItem(
    Section,
    json_schema_extra={
        "oneOf": [
            {"required": ["finding"], "properties": dict.fromkeys(_WHERE, False)},
            {"required": list(_WHERE), "properties": {"finding": False}},
        ]
    },
):
    """One waiver. It names a finding, or a host, a check and a subject."""

    finding: Annotated[_Id | None, Field(description="The finding's id, as reports have it.")] = None
    host: Annotated[_Said | None, Field(description="A host's name, or a glob that several fit.")] = None
    check: Annotated[_Said | None, Field(description="A check's id.")] = None
    subject: Annotated[_Said | None, Field(description="The finding's subject, or a glob that several fit.")] = (
        None
    )
    observed: Annotated[str, Field(description="The observed value that is waived; any other is drift.")]
    owner: Annotated[_Said, Field(description="Who answers for it.")]
    reason: Annotated[_Said, Field(description="Why it is accepted.")]
    expires: Annotated[_Day, Field(description="The last day (UTC) on which it holds; at most a year away.")]
    ticket: Annotated[_Said | None, Field(description="Where it is written up, such as an issue.")] = None


class WaiversFile(Section):
    """All of waivers.yaml."""

    waivers: Annotated[tuple[WaiverItem, ...], Field(description="Drift that is accepted for a while.")]


def waivers(
    folder: Folder, checks: Collection[str], today: date | None, faults: Problems
) -> tuple[WaiverSpec, ...]:
    """Read the folder's waivers of `checks`, if it has any. What is wrong with them is added to `faults`."""
    if not folder.waivers or not folder.waivers.table:
        return ()
    table = folder.waivers.table
    file, found = validate(TypeAdapter(WaiversFile), table)
    node = table.entries.get("waivers")
    items = [item for item in node.items if isinstance(item, Table)] if isinstance(node, Items) else []
    for item in items:
        found += [*_naming(item), *_unknown(item, folder.hosts, checks), *_endless(item, today)]
    for place, message in found:
        faults.add(place, message)
    if file is None or found:
        return ()
    specs = tuple(_spec(*pair) for pair in zip(file.waivers, items, strict=True))
    _check_repeats(specs, faults)
    return specs


def _spec(item: WaiverItem, table: Table) -> WaiverSpec:
    return WaiverSpec(
        finding=item.finding or "",
        host=item.host or "",
        check=item.check or "",
        subject=item.subject or "",
        observed=item.observed,
        owner=item.owner,
        reason=item.reason,
        ticket=item.ticket or "",
        expires=parse_date(item.expires),
        place=table.place,
    )


def _naming(item: Table) -> Iterator[Fault]:
    """Check that an item says what is waived in one of the two ways."""
    where = [key for key in _WHERE if key in item.entries]
    if "finding" in item.entries and where:
        place = item.entries[where[0]].place
        yield place, f"'finding' says what is waived already: leave {' and '.join(map(repr, where))} out"
    elif not where and "finding" not in item.entries:
        yield item.place, "this names nothing to waive: write 'finding', or 'host', 'check' and 'subject'"
    elif where:
        yield from ((item.place, f"{key!r} is missing here") for key in _WHERE if key not in where)


def _unknown(item: Table, hosts: Collection[str], checks: Collection[str]) -> Iterator[Fault]:
    """Check that the host and the check are ones that there are."""
    host, check = (_text(item.entries.get(key)) for key in ("host", "check"))
    if host and not any(fnmatchcase(name, host) for name in hosts):
        said = f"no host's name fits {host!r}" if _GLOB.search(host) else _near("host", host, hosts)
        yield item.entries["host"].place, said
    if check == "host.reachable" or check.startswith("waiver."):
        yield (
            item.entries["check"].place,
            f"{check} cannot be waived: it is about what was not seen, or not accepted",
        )
    elif check and check not in checks:
        yield item.entries["check"].place, _near("check", check, checks)


def _near(noun: str, word: str, known: Collection[str]) -> str:
    said = suggest(word, known)
    if "did you mean" not in said and noun == "check":  # there are too many to be listed
        said = suggest("", {check.partition(".")[0] + ".*" for check in known})
    return f"unknown {noun} {word!r}{said}"


def _endless(item: Table, today: date | None) -> Iterator[Fault]:
    text = _text(item.entries.get("expires"))
    try:
        day = parse_date(text)
    except ValueError:
        return  # has been said
    if today and (said := date_problem(day, today)):
        yield item.entries["expires"].place, said


def _text(node: Node | None) -> str:
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else ""


def _check_repeats(specs: Sequence[WaiverSpec], faults: Problems) -> None:
    """Check that nothing is waived twice, by its id once and once by its host, check and subject neither."""
    first: dict[str, WaiverSpec] = {}
    for spec in specs:
        by_id = not spec.finding and spec.exact
        target = finding_id(spec.host, spec.check, spec.subject) if by_id else spec.name
        before = first.setdefault(target, spec)
        if before is not spec:
            faults.add(spec.place, f"{spec.name} is waived twice: {faults.show(before.place)} waives it too")
