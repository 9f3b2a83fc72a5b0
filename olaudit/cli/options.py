"""The options that all commands share which audit."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Output:
    """A file to be written besides what goes to stdout."""

    format: str
    file: Path


class OutputType(click.ParamType[Output]):
    """Reads `FORMAT=FILE`."""

    name = "output"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Output:
        """Read one; fails with what is wrong with it."""
        format_, equals, file = str(value).partition("=")
        if not equals or not file:
            self.fail(f"{value!r} is not FORMAT=FILE, such as json=report.json", param, ctx)
        if format_ not in RENDERERS:
            self.fail(f"{format_!r} is no format: known are {', '.join(RENDERERS)}", param, ctx)
        return Output(format_, Path(file))


class Globs(click.ParamType[tuple[str, ...]]):
    """Reads `GLOB,GLOB`."""

    name = "globs"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Split one list; fails if it is empty."""
        globs = tuple(glob.strip() for glob in str(value).split(",") if glob.strip())
        return globs or self.fail("name a check, or a glob such as container.*", param, ctx)


class Seconds(click.FloatRange):
    """Reads a duration that ends."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read one; fails with what is wrong with it."""
        seconds = float(super().convert(value, param, ctx))
        return seconds if isfinite(seconds) else self.fail(f"{value!r} is no number of seconds", param, ctx)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was said on the command line of a command that audits. `timeout` is in seconds, per host."""

    expected: Path | None
    ssh_config: Path | None
    format: str
    output: tuple[Output, ...]
    only: tuple[str, ...]
    skip: tuple[str, ...]
    jobs: int
    timeout: float
    record: Path | None
    replay: Path | None
    color: str
    targets: tuple[str, ...] = ()
    local: bool = False
    all: bool = False

    def __post_init__(self) -> None:
        """Refuse what contradicts itself. Raises UsageError."""
        given = {
            "--ssh-config": self.ssh_config is not None,
            "--local": self.local,
            "--record": self.record is not None,
            "--replay": self.replay is not None,
        }
        for one, other, why in (
            ("--record", "--replay", "a replay asks nobody, so there is nothing to record"),
            ("--local", "--replay", "a replay asks nobody, this machine neither"),
            ("--ssh-config", "--replay", "a replay connects to nobody"),
            ("--ssh-config", "--local", "a local audit connects to nobody"),
        ):
            if given[one] and given[other]:
                raise UsageError(f"{one} and {other} exclude each other: {why}")
        if self.local and len(self.targets) > 1:
            raise UsageError("--local audits one host, this machine: name at most one TARGET")


def _joined(_ctx: click.Context, _param: click.Parameter, value: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    return tuple(glob for globs in value for glob in globs)


EXPECTED = click.option(
    "-e",
    "--expected",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The expected files.  [default: $OLAUDIT_EXPECTED, else ./expected, else the installed copy]",
)


class RegularFile(click.Path):
    """Reads the path of a regular file of bounded size: a FIFO or device would hang, or never end."""

    def __init__(self, most: int) -> None:
        super().__init__(exists=True, dir_okay=False, path_type=Path)
        self._most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read one; fails with what is wrong with it."""
        path = Path(str(super().convert(value, param, ctx)))
        try:
            check_regular(path.stat(), self._most)
        except OSError as error:
            self.fail(f"{str(path)!r} cannot be read: {error.strerror}", param, ctx)
        return path


COLOR = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colours on stdout; auto: on a terminal, unless NO_COLOR is set.",
)

_REACHING = (
    EXPECTED,
    click.option(
        "--ssh-config",
        type=RegularFile(MAX_CONFIGURATION_BYTES),
        metavar="FILE",
        help="How to reach hosts.  [default: ~/.ssh/config]",
    ),
)
_OUTPUT = click.option(
    "-o",
    "--output",
    type=OutputType(),
    metavar="FORMAT=FILE",
    multiple=True,
    help="Write this format to FILE too, all at once or not at all. Repeatable.",
)
_ASKING = (
    click.option(
        "--only",
        type=Globs(),
        metavar="GLOB[,GLOB...]",
        multiple=True,
        callback=_joined,
        help="Make only these checks, by id.",
    ),
    click.option(
        "--skip",
        type=Globs(),
        metavar="GLOB[,GLOB...]",
        multiple=True,
        callback=_joined,
        help="Leave these checks out, by id.",
    ),
    click.option(
        "-j",
        "--jobs",
        type=click.IntRange(min=1),
        default=32,
        show_default=True,
        metavar="N",
        help="How many hosts to ask at once.",
    ),
    click.option(
        "--timeout",
        type=Seconds(min=0, min_open=True),
        default=30.0,
        show_default=True,
        metavar="SECONDS",
        help="By when a host must have answered, connecting included.",
    ),
)
_KEEPING = (
    click.option(
        "--record",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Keep what the hosts answered, for --replay. It is as private as they are.",
    ),
    click.option(
        "--replay",
        type=RegularFile(MAX_DATA_BYTES),
        metavar="FILE",
        help="Judge recorded answers, without asking any host.",
    ),
    COLOR,
)


REPORTS = click.option(
    "--reports",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("reports"),
    show_default=True,
    metavar="DIR",
    help="The folder of nightly reports.",
)
HISTORY = click.option(
    "--history",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What earlier runs found.  [default: history.sqlite in the reports' folder]",
)


def history_file(reports: Path, history: Path | None) -> Path:
    """Say which file `--reports` and `--history` mean."""
    return history or reports / "history.sqlite"


def format_option(formats: Iterable[str], default: str) -> Callable[[F], F]:
    """Give a command the choice of what goes to stdout."""
    return click.option(
        "-f",
        "--format",
        type=click.Choice(list(formats)),
        default=default,
        show_default=True,
        help="For stdout.",
    )


def shared_options(command: F) -> F:
    """Give a command the shared options but for the format, under the names of the fields of `Options`."""
    for option in reversed((*_REACHING, _OUTPUT, *_ASKING, *_KEEPING)):
        command = option(command)
    return command


def asking_options(command: F) -> F:
    """Give a command those of the shared options that say whom to ask for what, and how."""
    for option in reversed((*_REACHING, *_ASKING)):
        command = option(command)
    return command
