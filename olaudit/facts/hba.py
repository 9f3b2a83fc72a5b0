"""The host's pg_hba.conf, which holds options with passwords beside the records that checks compare."""

import re
from dataclasses import dataclass, replace

from olaudit.facts.hba_records import HbaRule, parse
from olaudit.model import Answered, Command, Fact, Unknown

# as grep prints it after the file name, or as an earlier reduction formats it
_RECORD = re.compile(r"(?:line ([0-9]{1,6}): |[^\x00\n]*\x00)?\s*(host\w*(?:\s.*)?)")
_NETWORK_FIELDS = 5  # type, database, user, address, method
_MASK = re.compile(r"[0-9.]{7,15}|[0-9a-f:]*::[0-9a-f:]*")


@dataclass(frozen=True, slots=True)
class HbaFile:
    """The records that PostgreSQL can reach, in order; `problem` is the first parse error, or empty."""

    path: str
    rules: tuple[HbaRule, ...]
    problem: str


def hba_file(folder: str) -> Fact[HbaFile]:
    """Build the fact of the only pg_hba.conf below `folder`. Its parts are "line N", by the number of the line."""
    # The file has mode 0640 and belongs to postgres; the folder of PostgreSQL's version is not known. -R follows
    # links, such as those of deployed files; -Z separates the name of the file from its content.
    grep = ("grep", "-a", "-R", "-H", "-Z", "--include=pg_hba.conf", "-e", "^")
    # 1: the folder contains no such file
    probe = Command((*grep, "--", folder), may_hang=True, sudo=True, statuses=(0, 1))
    return Fact("hba.file", probe, _parse, _reduce)


def _parse(answer: Answered) -> HbaFile | Unknown:
    if answer.stderr:
        return Unknown(f"cannot read pg_hba.conf: {answer.stderr.partition(chr(10))[0][:200]}")
    *records, partial_line = answer.stdout.split("\n")
    lines = [line.partition("\0") for line in records]
    paths = sorted({path for path, _, _ in lines})
    if partial_line or not all(nul for _, nul, _ in lines) or bool(lines) != (answer.status == 0):
        return Unknown(f"cannot parse the output of grep (status {answer.status}): {answer.stdout[:200]!r}")
    if not paths:
        return Unknown("pg_hba.conf does not exist")
    if len(paths) > 1:
        listed = ", ".join(paths)[:200]
        return Unknown(f"there are {len(paths)} pg_hba.conf files: {listed}: set hba to the folder of one")
    parsed = parse("\n".join(text for _, _, text in lines))
    return HbaFile(paths[0], parsed.rules, f"{paths[0]}: {parsed.problems[0]}" if parsed.problems else "")


def _reduce(answer: Answered, keys: frozenset[str]) -> Answered:
    """Keep type, database, user, address and method of the network records that the keys name ("line N")."""
    matches = ((number, _RECORD.fullmatch(line)) for number, line in enumerate(answer.stdout.split("\n"), 1))
    records = [(f"line {match[1] or number}", _without_options(match[2])) for number, match in matches if match]
    return replace(answer, stdout="".join(f"{key}: {text}\n" for key, text in records if not keys or key in keys))


def _without_options(record: str) -> str:
    fields = re.sub(r"#.*", "", record).split()
    has_mask = len(fields) > _NETWORK_FIELDS and _MASK.fullmatch(fields[4]) is not None  # address and mask
    return " ".join(fields[: _NETWORK_FIELDS + has_mask])
