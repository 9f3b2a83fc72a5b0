"""The command line, with one module per command. Only this module turns errors into messages and exit codes."""

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from olaudit.checks import CHECKERS
from olaudit.cli import internal_errors, plugin, streams
from olaudit.cli.fleet_audit import Tools, make_transport
from olaudit.cli.output import warn
from olaudit.cli.program import program
from olaudit.errors import ExpectedError, OlauditError
from olaudit.render.view import pluralize


def main(argv: Sequence[str] | None = None, tools: Tools | None = None) -> int:
    """Run `olaudit` and return its exit code.

    The defaults are the arguments of the process, and the real hosts and clock.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the parent process: discard the output
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - until the exit
    streams.prepare()
    arguments = sys.argv[1:] if argv is None else argv
    code = _run(arguments, argv, tools)
    # Python flushes stdout again at exit, and would exit with status 120 if that fails
    if (error := streams.failure()) and code not in (2, 70):
        code = _report_error(error)
    return plugin.UNKNOWN if error and plugin.is_requested(arguments) else code


def _run(arguments: Sequence[str], argv: Sequence[str] | None, tools: Tools | None) -> int:
    """Run the command and return its exit code; no exception escapes."""
    try:
        # not standalone: click would exit with 1 after an interrupt, which means drift
        outcome = program.main(
            argv, "olaudit", standalone_mode=False, obj=tools or Tools(CHECKERS, make_transport)
        )
    except SystemExit:
        return 0  # click exits when the reader of stdout closes it (`olaudit --help | head -1`)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last handler
        if isinstance(error, OSError) and streams.is_stdout(error):
            return 0  # `main` reports the reason
        code = _report_error(error)
        return plugin.fail(_summary(error)) if plugin.is_requested(arguments) else code
    return outcome if isinstance(outcome, int) else 0


def _report_error(error: BaseException) -> int:
    """Write an error message to stderr, and return the exit code."""
    match error:
        case KeyboardInterrupt() | click.Abort():
            _write_message("interrupted")
            return 130
        case click.exceptions.NoArgsIsHelpError():
            error.show()
            return 2
        case click.UsageError():
            where = error.ctx.command_path if error.ctx else "olaudit"
            _write_message(error.format_message(), f"see `{where} --help`")
            return 2
        case ExpectedError():
            warn(error.message)  # without a prefix, like compilers: editors parse file:line
            _write_message(f"the expected files are not valid: {pluralize(len(error.problems), 'problem')}")
            return error.exit_code
        case OlauditError():
            _write_message(error.message, error.hint)
            return error.exit_code
        case _:
            warn(internal_errors.explain("".join(traceback.format_exception(error))))
            return 70


def _summary(error: BaseException) -> str:
    """Return a one-line summary of an error, for the output of a Nagios plugin."""
    match error:
        case KeyboardInterrupt() | click.Abort():
            return "interrupted"
        case click.UsageError():
            return error.format_message()
        case ExpectedError():
            more = f" (and {others} more)" if (others := len(error.problems) - 1) else ""
            return f"the expected files are not valid: {error.problems[0]}{more}"
        case OlauditError():
            return error.message
        case _:
            return f"internal error in olaudit: {type(error).__name__}: {error}"


def _write_message(message: str, hint: str = "") -> None:
    warn(f"olaudit: {message}" + (f"\nhint: {hint}" if hint else ""))
