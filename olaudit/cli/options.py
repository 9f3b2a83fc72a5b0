"""Command-line options that several commands share."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

import click

from olaudit.errors import UsageError
from olaudit.files import MAX_CONFIGURATION_BYTES, MAX_DATA_BYTES, check_regular
from olaudit.render import RENDERERS

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Output:
    """An output file, in addition to stdout."""

    format: str
    file: Path


class Parsed(click.ParamType[T]):
    """Parameter type whose values `parse` returns. A ValueError of `parse` is a usage error with its message."""

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        """Parse one value. Raises click.BadParameter if it is not valid."""
        try:
            return self._parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _parse_output(text: str) -> Output:
    """Parse `FORMAT=FILE`."""
    format_, _, file = text.partition("=")
    if not file:
        raise ValueError(f"{text!r} is not FORMAT=FILE, such as json=report.json")
    if format_ not in RENDERERS:
        raise ValueError(f"unknown format {format_!r}: the formats are {', '.join(RENDERERS)}")
    return Output(format_, Path(file))


def _parse_globs(text: str) -> tuple[str, ...]:
    """Parse a comma-separated list of globs."""
    if globs := tuple(glob.strip() for glob in text.split(",") if glob.strip()):
        return globs
    raise ValueError("expected a check id or a glob, such as container.*")


class Seconds(click.FloatRange):
    """Parameter type for a finite duration in seconds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse one value. Raises click.BadParameter if it is not valid."""
        seconds = float(super().convert(value, param, ctx))
        if not isfinite(seconds):
            self.fail(f"{value!r} is not a finite number of seconds", param, ctx)
        return seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOptions:
    """The options of a command that audits. `timeout` is in seconds, per host."""

    expected: Path | None
    ssh_config: Path | None
    format: str = "table"
    output: tuple[Output, ...] = ()
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    jobs: int = 32
    timeout: float = 30.0
    record: Path | None = None
    replay: Path | None = None
    color: str = "auto"
    targets: tuple[str, ...] = ()
    local: bool = False
    all: bool = False

    def __post_init__(self) -> None:
        """Reject contradictory options. Raises UsageError."""
        paths = {"--ssh-config": self.ssh_config, "--record": self.record, "--replay": self.replay}
        present = [option for option, value in (paths | {"--local": self.local}).items() if value]
        for first, second, reason in (
            ("--record", "--replay", "a replay collects no answers that could be recorded"),
            ("--local", "--replay", "a replay audits no machine"),
            ("--ssh-config", "--replay", "a replay opens no connections"),
            ("--ssh-config", "--local", "a local audit opens no connections"),
        ):
            if first in present and second in present:
                raise UsageError(f"{first} and {second} are mutually exclusive: {reason}")
        if self.local and len(self.targets) > 1:
            raise UsageError("--local audits this machine only: pass at most one TARGET")


EXPECTED = click.option(
    "-e",
    "--expected",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the expected files.  [default: $OLAUDIT_EXPECTED, else ./expected, else the installed copy]",
)


class RegularFile(click.Path):
    """Parameter type for a regular file of limited size: a FIFO or device could block, or be endless."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(exists=True, dir_okay=False, path_type=Path)
        self._max_bytes = max_bytes

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse one value. Raises click.BadParameter if it is not valid."""
        path = Path(str(super().convert(value, param, ctx)))
        try:
            check_regular(path.stat(), self._max_bytes)
        except OSError as error:
            self.fail(f"{str(path)!r} cannot be read: {error.strerror}", param, ctx)
        return path


COLOR = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Use colours on stdout. auto: on a terminal, unless NO_COLOR is set.",
)

_CONNECTION_OPTIONS = (
    EXPECTED,
    click.option(
        "--ssh-config",
        type=RegularFile(MAX_CONFIGURATION_BYTES),
        metavar="FILE",
        help="OpenSSH client configuration.  [default: ~/.ssh/config]",
    ),
)
_OUTPUT_OPTION = click.option(
    "-o",
    "--output",
    type=Parsed("output", _parse_output),
    metavar="FORMAT=FILE",
    multiple=True,
    help="Also write the results to FILE, atomically, in this format. Repeatable.",
)


def _globs_option(name: str, action: str) -> Callable[[F], F]:
    return click.option(
        name,
        type=Parsed("globs", _parse_globs),
        metavar="GLOB[,GLOB...]",
        multiple=True,
        callback=lambda _context, _option, value: tuple(glob for globs in value for glob in globs),
        help=f"{action} the checks whose id matches GLOB. Repeatable.",
    )


_AUDIT_OPTIONS = (
    _globs_option("--only", "Run only"),
    _globs_option("--skip", "Skip"),
    click.option(
        "-j",
        "--jobs",
        type=click.IntRange(min=1),
        default=32,
        metavar="N",
        help="Number of hosts to audit in parallel.",
    ),
    click.option(
        "--timeout",
        type=Seconds(min=0, min_open=True),
        default=30.0,
        metavar="SECONDS",
        help="Deadline for each host, including connection setup.",
    ),
)
_RECORDING_OPTIONS = (
    click.option(
        "--record",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Record the raw answers of hosts to FILE, for --replay. Treat FILE as confidential.",
    ),
    click.option(
        "--replay",
        type=RegularFile(MAX_DATA_BYTES),
        metavar="FILE",
        help="Evaluate the answers recorded in FILE instead of auditing hosts.",
    ),
    COLOR,
)


REPORTS = click.option(
    "--reports",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("reports"),
    metavar="DIR",
    help="Folder of the nightly reports.",
)
HISTORY = click.option(
    "--history",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="History of earlier runs.  [default: history.sqlite in the reports folder]",
)


def history_file(reports: Path, history: Path | None) -> Path:
    """Return the history file that `--reports` and `--history` select."""
    return history or reports / "history.sqlite"


def format_option(formats: Iterable[str], default: str) -> Callable[[F], F]:
    """Return the option that selects the format of stdout."""
    return click.option(
        "-f", "--format", type=click.Choice(list(formats)), default=default, help="Output format on stdout."
    )


def shared_options(command: F) -> F:
    """Add the shared options except --format to a command, named like the fields of `AuditOptions`."""
    return _add(command, *_CONNECTION_OPTIONS, _OUTPUT_OPTION, *_AUDIT_OPTIONS, *_RECORDING_OPTIONS)


def audit_options(command: F) -> F:
    """Add the shared options for connections, checks and limits to a command."""
    return _add(command, *_CONNECTION_OPTIONS, *_AUDIT_OPTIONS)


def _add(command: F, *options: Callable[[F], F]) -> F:
    for option in reversed(options):
        command = option(command)
    return command
