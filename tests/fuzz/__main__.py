"""`python -m tests.fuzz TARGET [--seconds N] [--seed S] [--plain] [INPUT]`: fuzz a target, or repeat one input.

A failing input is written to `fuzz-TARGET-HASH` in the folder for temporary files; pass it as INPUT to repeat it.
The same seed gives the same sequence of inputs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.fuzz.loop import TARGETS, run_atheris, run_input, run_plain


def main(arguments: list[str] | None = None) -> int:
    """Run one target. Return 1 if it failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz a part of olaudit.")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="use the plain loop even if atheris is installed")
    parser.add_argument("input", nargs="?", type=Path, help="run only this input")
    options = parser.parse_args(arguments)
    if options.input:
        return run_input(options.target, options.input.read_bytes())
    if not options.plain and (status := run_atheris(options.target, options.seconds, options.seed)) is not None:
        return status
    result = run_plain(options.target, options.seconds, options.seed)
    print(f"{options.target}: {result.executions} executions, {len(result.failures)} kinds of failures")
    for place, (file, error) in result.failures.items():
        print(f"{place}: {error}\n  repeat: python -m tests.fuzz {options.target} {file}")
    return int(bool(result.failures))


if __name__ == "__main__":
    sys.exit(main())
