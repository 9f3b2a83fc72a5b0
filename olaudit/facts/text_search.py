"""Search for words in files and folders.

Only the words that match are printed: the rest of a configuration line may contain a password.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from olaudit.facts.answers import error_lines, is_absent, match_lines
from olaudit.model import Answered, Command, Fact, Unknown

_LINE = re.compile(r"([^\0]*)\0([^:]*):?(.*)")
_MAX_MATCHES = "20"  # in one file: enough to show that it has to be fixed


@dataclass(frozen=True, slots=True)
class WordMatch:
    """One match: the file, the number of the line, and the word as it is spelled there."""

    path: str
    line: str
    word: str


FileMatches = tuple[WordMatch, ...] | Unknown | None
"""The matches in a file, or below a folder; None if it does not exist."""


def word_matches(terms: Sequence[str], paths: Sequence[str]) -> Fact[Mapping[str, FileMatches]]:
    """Build the fact of the places below each of `paths` that contain one of `terms`, in any case."""
    patterns = (argument for term in terms for argument in ("-e", term))
    # -o prints the matching words only
    options = ("-r", "-I", "-i", "-w", "-F", "-o", "-n", "-H", "-Z", "-m", _MAX_MATCHES)
    # 1: no match, 2: not all files could be searched
    probe = Command(("grep", *options, *patterns, "--", *paths), may_hang=True, statuses=(0, 1, 2))
    return Fact("text_search.word_matches", probe, partial(_parse, tuple(paths)))


def _parse(paths: tuple[str, ...], answer: Answered) -> Mapping[str, FileMatches] | Unknown:
    lines = match_lines(_LINE, answer.stdout)
    is_plausible = bool(answer.stderr) if answer.status == 2 else answer.status == (0 if lines else 1)
    if lines is None or not is_plausible:
        return Unknown(f"cannot parse the output of grep (status {answer.status})")
    matches = [WordMatch(*line.groups()) for line in lines]
    return {path: _matches_below(path, paths, matches, error_lines(answer.stderr)) for path in paths}


def _matches_below(
    path: str, paths: tuple[str, ...], matches: Sequence[WordMatch], errors: Sequence[str]
) -> FileMatches:
    if below := tuple(match for match in matches if f"{match.path}/".startswith(f"{path.rstrip('/')}/")):
        return below
    for error in errors:
        # An error line that contains none of the paths may be about any of them
        if not is_absent(error) and (path in error or not any(other in error for other in paths)):
            return Unknown(f"cannot search all of {path}: {error[:200]}")
    return None if any(f" {path}: " in error for error in errors) else ()
