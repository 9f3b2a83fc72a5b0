"""What can go wrong while an engine is asked. The text of each error is the reason that people read."""

from __future__ import annotations


class EngineError(Exception):
    """Base of all errors below."""


class NoEngine(EngineError):  # noqa: N818 - becomes an Unanswered, is never shown as an error
    """The engine could not be reached; the text is one line that says why and how to fix it."""


class OutOfTime(EngineError):  # noqa: N818 - as above
    """The deadline passed."""


class OutOfBudget(EngineError):  # noqa: N818 - as above
    """The host sent more than all of its answers together may take."""


class BadAnswer(EngineError):  # noqa: N818 - as above
    """One answer that is not accepted. Other answers of the same engine may be."""


class StreamBroke(BadAnswer):
    """A stream that ended before its answer was complete."""


class Refusal(BadAnswer):
    """An HTTP status other than 200."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"Docker refused to answer: {status}{message and f' ({message})'}")
        self.status = status
        self.message = message


def one_line(error: object) -> str:
    """Write an error of a library on one short line."""
    return " ".join(str(error).split())[:300] or type(error).__name__
