"""Text of errors and of other programs, made fit for a reason: on one line, bounded, never empty for an error."""

_DEFAULT_TEXTS: tuple[tuple[type[BaseException], str], ...] = (
    (EOFError, "the connection was closed"),
    (TimeoutError, "timed out"),
    (ConnectionResetError, "the connection was reset"),
    (BrokenPipeError, "the connection was closed"),
)
"""Texts of exceptions that often carry no message."""


def describe_error(error: BaseException | None) -> str:
    """Render `error` as a reason that does not end with a colon. None stands for a closed connection."""
    if error is None:
        return "the connection was closed"
    strerror = error.strerror if isinstance(error, OSError) else ""
    if text := single_line(strerror or str(error)).rstrip(": "):
        return text
    for error_type, default in _DEFAULT_TEXTS:
        if isinstance(error, error_type):
            return default
    return f"{type(error).__name__} without a message"


def single_line(text: str | bytes, limit: int = 300) -> str:
    """Render text of another program on one line of at most `limit` characters."""
    if isinstance(text, bytes):
        text = text.decode(errors="backslashreplace")
    return " ".join(text.split())[:limit].rstrip()


def format_names(names: list[str] | tuple[str, ...], limit: int = 12) -> str:
    """Render a list of names that another program sent, bounded in number and length."""
    shown = [single_line(name, 64) for name in names[:limit] if name]
    if len(names) > limit:
        shown.append(f"{len(names) - limit} more")
    return ", ".join(shown) or "none"
