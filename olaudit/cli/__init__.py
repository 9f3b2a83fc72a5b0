"""The command line: one file per command. Here, and nowhere else, errors become words and exit codes."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from olaudit.checks import CHECKERS
from olaudit.cli import internal_errors, plugin, streams
from olaudit.cli.auditing import Tools, make_transport
from olaudit.cli.program import program
from olaudit.errors import ExpectedError, OlauditError
from olaudit.text import visible


def main(argv: Sequence[str] | None = None, tools: Tools | None = None) -> int:
    """Run `olaudit` and give its exit code; unless told otherwise with the process's arguments and real tools."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us: what is said there goes nowhere
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - as long as we run
    streams.prepare()
    said = sys.argv[1:] if argv is None else argv
    code = _run(said, argv, tools)
    # Python flushes stdout once more at exit, and would end with a status of its own
    if (error := streams.failure()) and code not in (2, 70):
        code = _tell(error)
    return plugin.UNKNOWN if error and plugin.wanted(said) else code


def _run(said: Sequence[str], argv: Sequence[str] | None, tools: Tools | None) -> int:
    """Run the command and give its exit code, whatever happens."""
    try:
        # not standalone: click would turn an interrupt into 1, which is drift
        outcome = program.main(
            argv, "olaudit", standalone_mode=False, obj=tools or Tools(CHECKERS, make_transport)
        )
    except SystemExit:
        return 0  # click, where the reader of stdout has seen enough (`olaudit --help | head -1`)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever nobody foresaw ends here, in one way
        if isinstance(error, OSError) and streams.is_stdout(error):
            return 0  # `main` finds out why, and says so
        code = _tell(error)
        return plugin.fail(_summary(error)) if plugin.wanted(said) else code
    return outcome if isinstance(outcome, int) else 0


def _tell(error: BaseException) -> int:
    """Say on stderr what went wrong, and give the exit code for it."""
    match error:
        case KeyboardInterrupt() | click.Abort():
            _say("interrupted")
            return 130
        case click.exceptions.NoArgsIsHelpError():
            error.show()
            return 2
        case click.UsageError():
            where = error.ctx.command_path if error.ctx else "olaudit"
            _say(error.format_message(), f"see `{where} --help`")
            return 2
        case OlauditError():
            _say_error(error)
            return error.exit_code
        case _:
            _write(internal_errors.explain("".join(traceback.format_exception(error))))
            return 70


def _summary(error: BaseException) -> str:
    """Say what went wrong in one line, for where there is room for no more."""
    match error:
        case KeyboardInterrupt() | click.Abort():
            return "interrupted"
        case click.UsageError():
            return error.format_message()
        case ExpectedError():
            more = len(error.problems) - 1
            return f"the expected files are not valid: {error.problems[0]}" + (
                f" (and {more} more)" if more else ""
            )
        case OlauditError():
            return error.message
        case _:
            return f"this is a bug in olaudit: {type(error).__name__}: {error}"


def _say_error(error: OlauditError) -> None:
    if isinstance(error, ExpectedError):
        _write(error.message)  # bare, as compilers do: editors jump by file:line
        number = len(error.problems)
        _say(f"the expected files are not valid: {number} problem{'' if number == 1 else 's'}")
    else:
        _say(error.message, error.hint)


def _say(message: str, hint: str = "") -> None:
    _write(f"olaudit: {message}" + (f"\nhint: {hint}" if hint else ""))


def _write(text: str) -> None:
    """Write lines to stderr; what a file or a host put into them stays visible."""
    click.echo("\n".join(visible(line) for line in text.splitlines()), err=True)
