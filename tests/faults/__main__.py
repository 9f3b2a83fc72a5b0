"""Run rows by hand: `python -m tests.faults [ID...]`; `--write FILE` refreshes the page of the matrix."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

from tests.faults.row import Kind
from tests.faults.rows import ROWS
from tests.faults.rows.dockerd import HOSTS as LAB_HOSTS
from tests.faults.wave import Outcome, outcomes, runs
from tests.fleet.lab import Lab


def _show(outcome: Outcome) -> None:
    row = outcome.row
    print(f"{'ok ' if not outcome.problems else 'BAD'} {row.id:28} {outcome.seconds:6.2f} s {outcome.peak_mib:5.0f} MiB")
    for problem in outcome.problems:
        print(f"      {problem[:1500]}")
    sys.stdout.flush()


def main() -> int:
    """Run the rows that are named, else all; end with 1 where one is not as expected."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("id", nargs="*", help="a row, or the name of a run")
    parser.add_argument("--alone", action="store_true", help="audit each row in a run of its own")
    asked = parser.parse_args()
    rows = [row for row in ROWS if not asked.id or row.id in asked.id or row.run in asked.id]
    together = [(row,) for row in rows] if asked.alone else runs(rows)
    done: list[Outcome] = []
    for number, run in enumerate(together):
        lab = Lab(only=LAB_HOSTS) if run[0].kind is Kind.DOCKERD else None
        with lab or nullcontext(), tempfile.TemporaryDirectory(prefix="olaudit-faults-") as folder:
            done += outcomes(run, Path(folder) / str(number), lab)
            for outcome in done[-len(run) :]:
                _show(outcome)
    print(f"{len(done)} rows, {sum(not one.problems for one in done)} as expected")
    return int(any(one.problems for one in done))


if __name__ == "__main__":
    sys.exit(main())
