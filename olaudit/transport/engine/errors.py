"""Errors of requests to a Docker Engine. The text of each is shown to users as a reason."""


class EngineError(Exception):
    """A failure that affects all answers of the engine, such as a passed deadline; base of all errors below."""


class EngineUnreachable(EngineError):  # noqa: N818 - becomes an Unanswered, is never printed as an error
    """No connection to the engine. The text is one line: the reason, and how to fix it."""


class InvalidAnswer(EngineError):  # noqa: N818 - as above
    """One answer that is not accepted. Other answers of the same engine may be valid."""


class BrokenStream(InvalidAnswer):
    """A stream that ended before its answer was complete."""


class ErrorResponse(InvalidAnswer):
    """An HTTP response with another status than 200."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"Docker answered with HTTP status {status}{message and f' ({message})'}")
        self.status = status
        self.message = message
