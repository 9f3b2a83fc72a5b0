"""The text of an error within a reason: never empty, on one line, without a colon at its end."""

from __future__ import annotations

_WITHOUT_TEXT: tuple[tuple[type[BaseException], str], ...] = (
    (EOFError, "the connection was closed"),
    (TimeoutError, "timed out"),
    (ConnectionResetError, "the connection was reset"),
    (BrokenPipeError, "the connection was closed"),
)


def describe(error: BaseException | None, unknown: str = "the connection was closed") -> str:
    """Render `error` as a reason; `unknown` is the reason where there is no error object at all."""
    if error is None:
        return unknown
    strerror = error.strerror if isinstance(error, OSError) else ""
    if text := one_line(strerror or str(error)).rstrip(": "):
        return text
    for kind, reason in _WITHOUT_TEXT:
        if isinstance(error, kind):
            return reason
    return f"{type(error).__name__} without a message"


def one_line(text: str | bytes, limit: int = 300) -> str:
    """Render text of another program on one line of at most `limit` characters."""
    if isinstance(text, bytes):
        text = text.decode(errors="backslashreplace")
    return " ".join(text.split())[:limit].rstrip()


def listed(names: list[str] | tuple[str, ...], limit: int = 12) -> str:
    """Render a list of names that another program sent, bounded in number and length."""
    shown = [one_line(name, 64) for name in names[:limit] if name]
    if len(names) > limit:
        shown.append(f"{len(names) - limit} more")
    return ", ".join(shown) or "none"
