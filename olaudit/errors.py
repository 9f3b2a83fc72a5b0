"""Exceptions for errors that a user can fix: one tree, in which every class has an exit code.

OlauditError            exit 2   any error that a user can fix
├── UsageError          exit 2   an invalid command line, or an invalid file named on it
├── HistoryError        exit 2   a history file that cannot be used: of another program, newer, damaged, locked
│   └── HistoryWriteError   exit 74  the disk of the history file is full, or fails
├── OutputError         exit 74  results that could not be written: disk full, permission denied
└── ExpectedError       exit 2   invalid expected-state files; carries all problems, not only the first

A host that cannot be audited is *not* an error: it is a value (`model.Failure`), and is reported as unknown.
"""

from dataclasses import dataclass


class OlauditError(Exception):
    """An error that the user can fix: `message` states what failed and where, `hint` how to fix it."""

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(OlauditError):
    """Invalid options, targets that match no host, a recording or an output file that cannot be used."""


class HistoryError(OlauditError):
    """A history file that cannot be used, permanently or at this time. Its content is not changed."""


class OutputError(OlauditError):
    """Results that could not be written to a file; what could be printed is printed."""

    exit_code = 74


class HistoryWriteError(HistoryError, OutputError):
    """A full or failing disk of the history file. The run is not stored; earlier runs are kept."""

    exit_code = 74


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One error in one expected-state file. `line` counts from 1; 0 stands for the whole file."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        """Format as `file:line: message`, which editors can open at the line."""
        return f"{self.file}:{self.line}: {self.message}"


class ExpectedError(OlauditError):
    """Invalid expected-state files; `problems` holds all errors, sorted by file and line."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))
