"""Command line of the fault matrix: `python -m tests.faults [ID...]`; `--write` updates docs/reliability.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from tests.faults.evaluation import HEALTHY_SECONDS
from tests.faults.reliability_page import PAGE, page, seconds_of
from tests.faults.row import Row
from tests.faults.rows import ROWS
from tests.faults.runs import RowResult, group_runs, run_rows
from tests.fleet.lab import Lab


def _print_result(result: RowResult, common: AbstractSet[str]) -> None:
    row = result.row
    verdict = "BAD" if result.problems else "ok "
    print(f"{verdict} {row.id:28} {result.seconds:6.2f} s {result.peak_mib:5.0f} MiB")
    if not row.expect.text:
        print(f"      {result.reported_text[:300]}")
    for problem in result.problems:
        if problem not in common:
            print(f"      {problem[:800]}")
    sys.stdout.flush()


def _run_group(rows: Sequence[Row], lab: Lab | None) -> list[RowResult]:
    with tempfile.TemporaryDirectory(prefix="olaudit-faults-") as folder:
        results = run_rows(rows, Path(folder) / "run", lab)
    common = set.intersection(*(set(result.problems) for result in results)) if len(results) > 1 else set()
    for problem in common:
        print(f"BAD all of this run: {problem[:600]}")
    for result in results:
        _print_result(result, common)
    return results


def _run_all(groups: Sequence[Sequence[Row]]) -> Iterator[RowResult]:
    """Audit all runs; start the lab only for those that need it."""
    for rows in groups:
        if not rows[0].lab:
            yield from _run_group(rows, None)
    if in_lab := [rows for rows in groups if rows[0].lab]:
        with Lab(only=frozenset(row.role for row in ROWS if row.lab)) as lab:
            for rows in in_lab:
                yield from _run_group(rows, lab)


def _write_page(results: Sequence[RowResult]) -> None:
    """Update the page; rows that did not run keep their seconds."""
    seconds = seconds_of(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
    seconds |= {result.row.id: f"{result.seconds:.1f}" for result in results}
    PAGE.write_text(page(ROWS, seconds, HEALTHY_SECONDS), encoding="utf-8")


def main() -> int:
    """Run the named rows, or all. Return 1 if a result differs from its expectation."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("id", nargs="*", help="id of a row, or name of a run")
    parser.add_argument("--alone", action="store_true", help="audit each row in a separate run")
    parser.add_argument("--write", action="store_true", help="update docs/reliability.md")
    options = parser.parse_args()
    rows = [row for row in ROWS if not options.id or row.id in options.id or row.run in options.id]
    results = list(_run_all([(row,) for row in rows] if options.alone else group_runs(rows)))
    if options.write:
        _write_page(results)
    print(f"{len(results)} rows, {sum(not result.problems for result in results)} as expected")
    return int(any(result.problems for result in results))


if __name__ == "__main__":
    sys.exit(main())
