"""Preparation of text for display: valid Unicode, visible characters, bounded length, suggestions for typos."""

import difflib
from collections.abc import Sequence

MAX_LENGTH = 2000
"""Maximum number of characters of one text from a host: enough for readers, too few to fill a disk."""


def valid(text: str) -> str:
    r"""Replace lone surrogates, which cannot be encoded, with escapes such as `\ud800`."""
    return text.encode(errors="backslashreplace").decode()


def visible(text: str) -> str:
    r"""Escape unprintable characters (controls, bidirectional marks, unusual spaces), for example as `\x1b`."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def bounded(text: str) -> str:
    """Escape unprintable characters of `text`, and truncate it after `MAX_LENGTH` characters."""
    excess = len(text) - MAX_LENGTH
    return visible(text) if excess <= 0 else f"{visible(text[:MAX_LENGTH])}... ({excess} more)"


def suggest_check(glob: str, ids: Sequence[str]) -> str:
    """Return a hint about a glob that matches no check id: the closest id or section, else all sections."""
    prefixes = dict.fromkeys(f"{check_id.partition('.')[0]}.*" for check_id in ids)
    if glob + ".*" in prefixes:
        return f'did you mean "{glob}.*"?'
    if close := difflib.get_close_matches(glob, [*ids, *prefixes], 1):
        return f'did you mean "{close[0]}"?'
    return f"available checks: {', '.join(prefixes)}"
