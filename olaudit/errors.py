"""What can go wrong for a user: one tree, in which every error knows its exit code and its hint.

OlauditError            exit 2   anything a user can mend
├── UsageError          exit 2   a command line, or a file named on it, that makes no sense
├── HistoryError        exit 2   a history of earlier runs that cannot be used: not ours, newer, damaged, locked
│   └── HistoryWriteError   exit 74  its disk is full, or fails
├── OutputError         exit 74  results that could not be written: the disk is full, a permission was lost
└── ExpectedError       exit 2   expected-state files that are invalid; carries every problem found, not the first

A host that cannot be audited is *not* an error: it is a value (`model.Failure`), and is reported as unknown.
"""

from __future__ import annotations

from dataclasses import dataclass


class OlauditError(Exception):
    """An error that the user can mend: `message` says what and where, `hint` how."""

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(OlauditError):
    """Wrong options, targets that match nothing, a recording or an output file that cannot be used."""


class HistoryError(OlauditError):
    """The file with the history of earlier runs cannot be used, or not now; what is in it stays as it is."""


class OutputError(OlauditError):
    """Results could not be written to where they belong; what could be printed is printed."""

    exit_code = 74


class HistoryWriteError(HistoryError, OutputError):
    """The disk that holds the history is full or fails; the run is not entered, what is in the history stays."""

    exit_code = 74


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One error in one expected-state file. `line` counts from 1; 0 means the file as a whole."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        """Render as the `file:line: message` that editors and people jump by."""
        return f"{self.file}:{self.line}: {self.message}"


class ExpectedError(OlauditError):
    """The expected-state files are invalid; `problems` holds all of them, in the files' order."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))
