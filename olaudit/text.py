"""Text that comes from a host or a file: made valid, visible and short enough to be shown."""

from __future__ import annotations

MAX_LENGTH = 2000
"""How many characters of one text from a host are kept; enough for people, too little to fill a disk."""


def valid(text: str) -> str:
    r"""Replace lone surrogates, which no encoding can write, by escapes such as `\ud800`."""
    return text.encode(errors="backslashreplace").decode()


def visible(text: str) -> str:
    r"""Write whatever does not print (controls, bidirectional marks, odd spaces) as an escape, such as `\x1b`."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def bounded(text: str) -> str:
    """Make `text` visible, and short enough to be shown."""
    more = len(text) - MAX_LENGTH
    return visible(text) if more <= 0 else f"{visible(text[:MAX_LENGTH])}... ({more} more)"
