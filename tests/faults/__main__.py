"""Run rows by hand: `python -m tests.faults [ID...]`; `--write` refreshes docs/reliability.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from tests.faults.judging import HEALTHY_SECONDS
from tests.faults.page import PAGE, page, seconds_of
from tests.faults.row import Row
from tests.faults.rows import ROWS
from tests.faults.wave import Outcome, outcomes, runs
from tests.fleet.lab import Lab


def _show(outcome: Outcome, common: AbstractSet[str]) -> None:
    row = outcome.row
    verdict = "BAD" if outcome.problems else "ok "
    print(f"{verdict} {row.id:28} {outcome.seconds:6.2f} s {outcome.peak_mib:5.0f} MiB")
    if not row.expect.text:
        print(f"      {outcome.said[:300]}")
    for problem in outcome.problems:
        if problem not in common:
            print(f"      {problem[:800]}")
    sys.stdout.flush()


def _audited(rows: Sequence[Row], lab: Lab | None) -> list[Outcome]:
    with tempfile.TemporaryDirectory(prefix="olaudit-faults-") as folder:
        done = outcomes(rows, Path(folder) / "run", lab)
    common = set.intersection(*(set(outcome.problems) for outcome in done)) if len(done) > 1 else set()
    for problem in common:
        print(f"BAD all of this run: {problem[:600]}")
    for outcome in done:
        _show(outcome, common)
    return done


def _all(together: Sequence[Sequence[Row]]) -> Iterator[Outcome]:
    """Audit all runs; the lab is up only for those that need it."""
    for rows in together:
        if not rows[0].lab:
            yield from _audited(rows, None)
    if in_lab := [rows for rows in together if rows[0].lab]:
        with Lab(only=frozenset(row.role for row in ROWS if row.lab)) as lab:
            for rows in in_lab:
                yield from _audited(rows, lab)


def _write(done: Sequence[Outcome]) -> None:
    """Refresh the page; rows that were not run keep their seconds."""
    seconds = seconds_of(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
    seconds |= {one.row.id: f"{one.seconds:.1f}" for one in done}
    PAGE.write_text(page(ROWS, seconds, HEALTHY_SECONDS), encoding="utf-8")


def main() -> int:
    """Run the rows that are named, else all; end with 1 where one is not as expected."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("id", nargs="*", help="a row, or the name of a run")
    parser.add_argument("--alone", action="store_true", help="audit each row in a run of its own")
    parser.add_argument("--write", action="store_true", help="refresh docs/reliability.md")
    asked = parser.parse_args()
    rows = [row for row in ROWS if not asked.id or row.id in asked.id or row.run in asked.id]
    done = list(_all([(row,) for row in rows] if asked.alone else runs(rows)))
    if asked.write:
        _write(done)
    print(f"{len(done)} rows, {sum(not one.problems for one in done)} as expected")
    return int(any(one.problems for one in done))


if __name__ == "__main__":
    sys.exit(main())
