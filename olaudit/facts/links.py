"""Symbolic links: their text, whether their target exists, and the path that they resolve to."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from olaudit.facts.answers import pair_errors, unparsable
from olaudit.model import Answered, Command, Fact, Unknown


@dataclass(frozen=True, slots=True)
class PathState:
    """Type of a path as a letter of `find` ("l" for a link), and the text of a link.

    `dangling` is set if the target of the link does not exist, or if the link leads back to itself.
    """

    type: str
    text: str
    dangling: bool


PathStates = Mapping[str, PathState | Unknown | None]
"""The state of each path; None if it does not exist."""


def path_states(paths: tuple[str, ...]) -> Fact[PathStates]:
    """Build the fact of the states of `paths`, which are not followed."""
    # %y is the type, %Y the type of a link's target (N: missing, L: loop, ?: unreadable), %l the text of the link.
    argv = ("find", *paths, "-maxdepth", "0", "-printf", "%y\\t%Y\\t%p\\t%l\\n")
    # 1: not all paths could be read
    return Fact("links.states", Command(argv, may_hang=True, statuses=(0, 1)), partial(_parse_states, paths))


def resolved_paths(paths: tuple[str, ...]) -> Fact[Mapping[str, str]]:
    """Build the fact of the paths that `paths` resolve to; their components need not exist."""
    # Not `realpath -m`: on Ubuntu 14.04, realpath is another program without that option.
    probe = Command(("readlink", "-m", "--", *paths), may_hang=True)
    return Fact("links.resolved", probe, partial(_parse_resolved, paths))


def _parse_states(paths: tuple[str, ...], answer: Answered) -> PathStates | Unknown:
    """Parse find's output: each path has one record, and an error line if it could not be read, in order.

    A link's text may contain line breaks and so forge records. Then there are more records than paths, and the
    whole answer is rejected.
    """
    *lines, remainder = answer.stdout.split("\n")
    records = {fields[2]: fields for line in lines if len(fields := line.split("\t", 3)) == 4}
    errors = pair_errors([p for p in paths if p not in records or records[p][1] == "?"], answer.stderr)
    if remainder or len(records) != len(lines) or not records.keys() <= set(paths) or errors is None:
        return unparsable("find", answer)
    states: dict[str, PathState | Unknown | None] = dict(errors)
    for path, (file_type, target_type, _, text) in records.items():
        # find can report a target that does not exist by an error line instead of by its type
        absent = path in errors and errors[path] is None
        if path not in errors or absent:
            states[path] = PathState(file_type, text, absent or target_type in ("N", "L"))
    return states


def _parse_resolved(paths: tuple[str, ...], answer: Answered) -> dict[str, str] | Unknown:
    *lines, remainder = answer.stdout.split("\n")
    if remainder or len(lines) != len(paths) or not all(line.startswith("/") for line in lines):
        return unparsable("readlink", answer)
    return dict(zip(paths, lines, strict=True))
