"""`olaudit monitoring`: write what Prometheus and Grafana need."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import click

from olaudit.cli.output import emit, write_file
from olaudit.errors import UsageError
from olaudit.files import read_regular

_KINDS = (".json", ".md", ".yaml")
_RUNBOOKS = "runbooks"
_PUBLIC = 0o666  # before the umask: Prometheus and Grafana read these as users of their own, and nothing is secret


@click.command(short_help="Write alert rules, scrape configs and a dashboard.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@click.option(
    "--runbook-url",
    default=_RUNBOOKS,
    show_default=True,
    metavar="URL",
    help="Where the alerts' links lead: the address at which DIR/runbooks will be served.",
)
@click.option("--force", is_flag=True, help="Overwrite files that were changed.")
def monitoring(folder: Path, runbook_url: str, *, force: bool) -> None:
    """Write into DIR what Prometheus and Grafana need: rules, alerts and tests of both, example scrape configs,
    the dashboard and its provisioning, and a runbook for each alert.

    Files that are there and differ are kept, and nothing is written, unless --force is given.

    \b
    Examples:
      olaudit monitoring /etc/prometheus/olaudit
      olaudit monitoring . --runbook-url https://wiki.example.org/runbooks
    """  # noqa: D205, D301 - click reads the backspace itself, and shows the first paragraph whole
    url = runbook_url.rstrip("/")
    if not url or any(character.isspace() or character in "'\"#{}" for character in url):
        raise UsageError(f"{runbook_url!r} is no address of runbooks", "say, https://wiki.example.org/runbooks")
    wanted = {folder / name: _linked(text, url) for name, text in _shipped()}
    changed = {file: text for file, text in wanted.items() if _content(file) != text}
    kept = [str(file) for file in changed if file.exists()]
    if kept and not force:
        there = "is there, and differs" if len(kept) == 1 else "are there, and differ"
        raise UsageError(f"{', '.join(kept)} {there}: nothing was written", "--force overwrites")
    for file, text in wanted.items():
        if file in changed:
            _make_folder(file.parent)
            write_file(file, text, _PUBLIC)
        emit(f"{'wrote    ' if file in changed else 'unchanged'}  {file}\n")


def _shipped() -> Iterator[tuple[str, str]]:
    """Give what the package holds, by its path from `monitoring/`, sorted."""
    root = Path(str(files("olaudit"))) / "monitoring"
    # not one rglob: it does not follow the link that the runbooks are in a work tree
    for file in sorted({*root.rglob("*"), *(root / _RUNBOOKS).glob("*")}):
        if file.suffix in _KINDS:
            yield file.relative_to(root).as_posix(), file.read_text(encoding="utf-8")


def _linked(text: str, url: str) -> str:
    return text.replace(f"runbook_url: {_RUNBOOKS}/", f"runbook_url: {url}/")


def _content(file: Path) -> str | None:
    """Read a file that may be there already. Raises UsageError if it cannot be read."""
    try:
        return read_regular(file).decode(errors="surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}") from None
