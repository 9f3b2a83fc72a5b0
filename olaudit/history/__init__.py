"""SQLite history of audit runs: the age of each finding, and what is new, resolved and unobserved.

`states` is the pure core: it derives the open episodes after a run from those before it. The other modules store
and query them.

    with History.open(file) as history:
        report = history.add_run(report, RunScope(hosts, checks), recording)
        history.commit()
"""

from olaudit.history.comparison import Comparison, RunFindings, compare
from olaudit.history.rows import RunRow, Span, Subject, UnreachableSpan
from olaudit.history.states import DriftEpisode, FindingState, FindingStates, RunScope, advance
from olaudit.history.store import History
from olaudit.history.writer import RECENT_RUNS

__all__ = [
    "RECENT_RUNS",
    "Comparison",
    "DriftEpisode",
    "FindingState",
    "FindingStates",
    "History",
    "RunFindings",
    "RunRow",
    "RunScope",
    "Span",
    "Subject",
    "UnreachableSpan",
    "advance",
    "compare",
]
