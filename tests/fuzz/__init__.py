"""Fuzzing: `python -m tests.fuzz TARGET --seconds N --seed S`, by coverage with atheris where it is installed."""
