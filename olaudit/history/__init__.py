"""What earlier runs saw: one SQLite file, which knows the age of a finding, and what is new, gone and hidden.

`states` is the pure core: what a run makes of what was open before it. The rest keeps it.

    with History.open(file) as history:
        report = history.enter(report, Scope(hosts, checks), recording)
        history.commit()
"""

from olaudit.history.comparison import Comparison, Met, compare
from olaudit.history.retention import RECENT
from olaudit.history.runs import Night
from olaudit.history.states import Life, Scope, State, States, advance
from olaudit.history.store import History
from olaudit.history.subjects import Spell, Subject, Trouble

__all__ = [
    "RECENT",
    "Comparison",
    "History",
    "Life",
    "Met",
    "Night",
    "Scope",
    "Spell",
    "State",
    "States",
    "Subject",
    "Trouble",
    "advance",
    "compare",
]
