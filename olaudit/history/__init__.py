"""What earlier runs saw: one SQLite file, which knows the age of a finding, and what is new, gone and hidden.

`states` is the pure core: what a run makes of what was open before it. The rest keeps it.

    with History.open(file) as history:
        report = history.add_run(report, RunScope(hosts, checks), recording)
        history.commit()
"""

from olaudit.history.comparison import Comparison, RunFindings, compare
from olaudit.history.retention import RECENT
from olaudit.history.runs import RunRow
from olaudit.history.states import DriftEpisode, FindingState, FindingStates, RunScope, advance
from olaudit.history.store import History
from olaudit.history.subjects import Span, Subject, UnreachableSpan

__all__ = [
    "RECENT",
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
