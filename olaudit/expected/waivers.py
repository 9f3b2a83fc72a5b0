"""Model and validation of waivers.yaml."""

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import AfterValidator, Field, TypeAdapter, ValidationInfo

from olaudit.expected.folder import ExpectedFolder
from olaudit.expected.messages import did_you_mean, suggest
from olaudit.expected.problems import Problems
from olaudit.expected.spec import WaiverSpec
from olaudit.expected.tree import Items, Node, Scalar, Table
from olaudit.expected.validate import LocatedMessage, validate
from olaudit.language import Section
from olaudit.model import finding_id

MAX_DURATION = timedelta(days=366)
"""Maximum time until the last day of a waiver: a year, which can be a leap year."""

_TARGET_KEYS = ("host", "check", "subject")
_GLOB = re.compile(r"[*?\[]")


def parse_date(text: str) -> date:
    """Parse YYYY-MM-DD. Raises ValueError with a message for the user."""
    try:
        # Python also accepts 20270131 and 2027-W05
        return date.fromisoformat(text if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) else "")
    except ValueError:
        raise ValueError(f"{text!r} is not a date: write YYYY-MM-DD, such as 2027-01-31") from None


def date_problem(day: date, today: date) -> str:
    """Return the message for a `day` more than a year after `today`, else ""."""
    last = today + MAX_DURATION
    return f"{day} is more than a year away: a waiver may last until {last} at most" if day > last else ""


def _check_date(text: str) -> str:
    parse_date(text)
    return text


def _check_id(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{12}", text):
        raise ValueError(f"{text!r} is not a finding id: an id has twelve hex digits")
    return text


def _check_not_empty(text: str, info: ValidationInfo) -> str:
    if not text.strip():
        raise ValueError(f"{info.field_name!r} must not be empty")
    return text


_NonEmptyText = Annotated[str, AfterValidator(_check_not_empty), Field(json_schema_extra={"minLength": 1})]
_Day = Annotated[str, AfterValidator(_check_date), Field(json_schema_extra={"format": "date"})]
_Id = Annotated[str, AfterValidator(_check_id), Field(json_schema_extra={"pattern": "^[0-9a-f]{12}$"})]


class WaiverItem(
    Section,
    json_schema_extra={
        "oneOf": [
            {"required": ["finding"], "properties": dict.fromkeys(_TARGET_KEYS, False)},
            {"required": list(_TARGET_KEYS), "properties": {"finding": False}},
        ]
    },
):
    """One waiver, for a finding id, or for a host, a check and a subject."""

    finding: Annotated[_Id | None, Field(description="The id of a finding, as in reports.")] = None
    host: Annotated[_NonEmptyText | None, Field(description="The name of a host, or a glob.")] = None
    check: Annotated[_NonEmptyText | None, Field(description="The id of a check.")] = None
    subject: Annotated[_NonEmptyText | None, Field(description="The subject of a finding, or a glob.")] = None
    observed: Annotated[str, Field(description="The observed value that is accepted; any other is drift.")]
    owner: Annotated[_NonEmptyText, Field(description="Who accepts the drift.")]
    reason: Annotated[_NonEmptyText, Field(description="Why the drift is accepted.")]
    expires: Annotated[_Day, Field(description="The last valid day (UTC), at most a year away.")]
    ticket: Annotated[_NonEmptyText | None, Field(description="A reference, such as an issue.")] = None


class WaiversFile(Section):
    """The content of waivers.yaml."""

    waivers: Annotated[tuple[WaiverItem, ...], Field(description="Accepted drift.")]


def load_waivers(
    folder: ExpectedFolder, check_ids: Collection[str], today: date | None, problems: Problems
) -> tuple[WaiverSpec, ...]:
    """Load the waivers of a folder, if it has any. Their problems are added to `problems`.

    A waiver may name a check of `check_ids`, and may last until a year after `today`.
    """
    if not folder.waivers or not folder.waivers.table:
        return ()
    table = folder.waivers.table
    file, messages = validate(TypeAdapter(WaiversFile), table)
    node = table.entries.get("waivers")
    items = [item for item in node.items if isinstance(item, Table)] if isinstance(node, Items) else []
    for item in items:
        messages += [
            *_target_problems(item),
            *_unknown_names(item, folder.hosts, check_ids),
            *_expiry_problems(item, today),
        ]
    for place, message in messages:
        problems.add(place, message)
    if file is None or messages:
        return ()
    specs = tuple(_spec(*pair) for pair in zip(file.waivers, items, strict=True))
    _check_repeats(specs, problems)
    return specs


def _spec(item: WaiverItem, table: Table) -> WaiverSpec:
    fields = item.model_dump(exclude_none=True, exclude={"expires"})
    return WaiverSpec(**fields, expires=parse_date(item.expires), place=table.place)


def _target_problems(item: Table) -> Iterator[LocatedMessage]:
    """Check that an item names its target by `finding`, or by host, check and subject."""
    present = [key for key in _TARGET_KEYS if key in item.entries]
    if "finding" in item.entries and present:
        place = item.entries[present[0]].place
        yield place, f"'finding' already names what is waived: remove {' and '.join(map(repr, present))}"
    elif not present and "finding" not in item.entries:
        yield item.place, "this waiver has no target: write 'finding', or 'host', 'check' and 'subject'"
    elif present:
        yield from ((item.place, f"missing key {key!r}") for key in _TARGET_KEYS if key not in present)


def _unknown_names(item: Table, hosts: Collection[str], check_ids: Collection[str]) -> Iterator[LocatedMessage]:
    """Check that the host and the check exist, and that the check can be waived."""
    host, check = (_text(item.entries.get(key)) for key in ("host", "check"))
    if host and not any(fnmatchcase(name, host) for name in hosts):
        is_glob = _GLOB.search(host)
        message = f"no host name matches {host!r}" if is_glob else _unknown_name("host", host, hosts)
        yield item.entries["host"].place, message
    if check == "host.reachable" or check.startswith("waiver."):
        message = f"{check} cannot be waived: only drift on an audited host can be accepted"
        yield item.entries["check"].place, message
    elif check and check not in check_ids:
        yield item.entries["check"].place, _unknown_name("check", check, check_ids)


def _unknown_name(noun: str, word: str, choices: Collection[str]) -> str:
    listed = choices
    if noun == "check":  # there are too many checks to list
        listed = {check_id.partition(".")[0] + ".*" for check_id in choices}
    return f"unknown {noun} {word!r}{did_you_mean(word, choices) or suggest('', listed)}"


def _expiry_problems(item: Table, today: date | None) -> Iterator[LocatedMessage]:
    text = _text(item.entries.get("expires"))
    try:
        day = parse_date(text)
    except ValueError:
        return  # the model reports it
    if today and (message := date_problem(day, today)):
        yield item.entries["expires"].place, message


def _text(node: Node | None) -> str:
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else ""


def _check_repeats(specs: Sequence[WaiverSpec], problems: Problems) -> None:
    """Check that no finding is waived twice, whether by its id or by its host, check and subject."""
    first: dict[str, WaiverSpec] = {}
    for spec in specs:
        has_id = not spec.finding and spec.exact
        target = finding_id(spec.host, spec.check, spec.subject) if has_id else spec.name
        earlier = first.setdefault(target, spec)
        if earlier is not spec:
            earlier_place = problems.format_place(earlier.place)
            problems.add(spec.place, f"{spec.name} is waived twice: {earlier_place} waives it too")
