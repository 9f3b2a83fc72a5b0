"""Fuzzing: `python -m tests.fuzz TARGET --seconds N --seed S`, guided by coverage if atheris is installed."""
