"""`python -m tests.fuzz TARGET [--seconds N] [--seed S] [--plain] [INPUT]`: fuzz a target, or repeat one input.

An input that fails is written to `fuzz-TARGET-HASH` in the folder for temporary files; repeat it as INPUT.
With the same seed a target is given the same inputs, for as long as time allows.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.fuzz.loop import TARGETS, by_atheris, plain, reproduce


def main(arguments: list[str] | None = None) -> int:
    """Run one target; 1 if it failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz a part of olaudit.")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="a plain loop, even where atheris is installed")
    parser.add_argument("input", nargs="?", type=Path, help="repeat this one input")
    options = parser.parse_args(arguments)
    if options.input:
        return reproduce(options.target, options.input.read_bytes())
    if not options.plain and (status := by_atheris(options.target, options.seconds, options.seed)) is not None:
        return status
    outcome = plain(options.target, options.seconds, options.seed)
    print(f"{options.target}: {outcome.executions} executions, {len(outcome.failures)} kinds of failures")
    for place, (file, error) in outcome.failures.items():
        print(f"{place}: {error}\n  repeat: python -m tests.fuzz {options.target} {file}")
    return int(bool(outcome.failures))


if __name__ == "__main__":
    sys.exit(main())
