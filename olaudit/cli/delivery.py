"""Delivery of the results of one run: on stdout, in the files that the options name, and as exit code."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from olaudit import recording
from olaudit.checker import AnyChecker
from olaudit.cli import internal_errors, plugin
from olaudit.cli.options import AuditOptions
from olaudit.cli.output import PRIVATE, check_output_files, emit, mode_of, write_file
from olaudit.collect import CollectedAnswers
from olaudit.errors import OlauditError, OutputError
from olaudit.model import Report
from olaudit.render import RENDERERS
from olaudit.render.style import Style


class Delivery:
    """The writes of one run's results. A failed write does not prevent the others.

    It is made before the audit. Raises UsageError if the files of `options` cannot be written.
    """

    def __init__(self, options: AuditOptions, checkers: Sequence[AnyChecker]) -> None:
        files = [output.file for output in options.output]
        check_output_files([*files, options.record] if options.record else files)
        self._options = options
        self._style = Style(all=options.all, checkers=checkers)
        self._failures: list[OlauditError] = []
        self.prints_last = options.format == plugin.NAME
        """Whether stdout is written last: the first line is the verdict, after which nothing may fail."""

    @property
    def failed(self) -> bool:
        """Whether a write has failed so far."""
        return bool(self._failures)

    @contextmanager
    def step(self, *also: type[OlauditError]) -> Iterator[None]:
        """Run one write; collect its OutputError, or an error of the types `also`, for `finish`."""
        try:
            yield
        except OlauditError as error:
            if not isinstance(error, (OutputError, *also)):
                raise
            self._failures.append(error)

    def write_files(self, report: Report, collected: CollectedAnswers) -> None:
        """Write the files of --output and --record."""
        for output in self._options.output:
            with self.step():
                text = RENDERERS[output.format](report, self._style)
                write_file(output.file, text, mode_of(output.format))
        if self._options.record:
            with self.step():
                write_file(self._options.record, recording.dump(collected), PRIVATE)

    def finish(self, report: Report, text: str) -> int:
        """Report what went wrong, print `text` if that is to be done last, and return the exit code.

        Raises OutputError with all failures, if there are any.
        """
        if not report.run.complete:
            click.echo("olaudit: interrupted; these results are incomplete", err=True)
        internal_errors.write(report.errors)
        if self._failures:
            messages = dict.fromkeys(failure.message for failure in self._failures)
            raise OutputError("; ".join(messages), self._failures[0].hint)
        if self.prints_last:
            emit(text)
        return plugin.run_exit_code(report, self._options.format)
