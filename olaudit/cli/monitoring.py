"""`olaudit monitoring`: write the configuration for Prometheus and Grafana."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import click

from olaudit.cli.output import emit, write_file
from olaudit.errors import UsageError
from olaudit.files import read_regular

_SUFFIXES = (".json", ".md", ".yaml")
_RUNBOOKS = "runbooks"
_PUBLIC = 0o666  # before the umask: Prometheus and Grafana run as other users, and nothing is secret


@click.command(short_help="Write alerts, scrape configuration, dashboard and runbooks.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@click.option(
    "--runbook-url",
    default=_RUNBOOKS,
    metavar="URL",
    help="URL at which DIR/runbooks is served; alerts link to it.",
)
@click.option("--force", is_flag=True, help="Overwrite files that differ.")
def monitoring(folder: Path, runbook_url: str, *, force: bool) -> None:
    """Write the configuration for Prometheus and Grafana to DIR: recording and alert rules with their tests,
    example scrape configuration, a dashboard with its provisioning, and a runbook for each alert.

    If DIR contains files that differ, nothing is written unless --force is given.

    \b
    Examples:
      olaudit monitoring /etc/prometheus/olaudit
      olaudit monitoring . --runbook-url https://wiki.example.org/runbooks
    """  # noqa: D205, D301 - the backspace is for click, which shows the first paragraph in full
    url = runbook_url.rstrip("/")
    if not url or any(character.isspace() or character in "'\"#{}" for character in url):
        raise UsageError(
            f"{runbook_url!r} is not a URL of runbooks", "for example https://wiki.example.org/runbooks"
        )
    texts = {folder / name: _with_runbook_url(text, url) for name, text in _shipped()}
    changed = {file: text for file, text in texts.items() if _content(file) != text}
    existing = [str(file) for file in changed if file.exists()]
    if existing and not force:
        verb = "exists and differs" if len(existing) == 1 else "exist and differ"
        raise UsageError(f"{', '.join(existing)} {verb}: nothing was written", "overwrite with --force")
    for file, text in texts.items():
        if file in changed:
            _make_folder(file.parent)
            write_file(file, text, _PUBLIC)
        emit(f"{'wrote    ' if file in changed else 'unchanged'}  {file}\n")


def _shipped() -> Iterator[tuple[str, str]]:
    """Yield the path below `monitoring/` and the text of each file in the package, sorted by path."""
    root = Path(str(files("olaudit"))) / "monitoring"
    # not rglob alone: in a work tree runbooks/ is a symbolic link, which rglob does not follow
    for file in sorted({*root.rglob("*"), *(root / _RUNBOOKS).glob("*")}):
        if file.suffix in _SUFFIXES:
            yield file.relative_to(root).as_posix(), file.read_text(encoding="utf-8")


def _with_runbook_url(text: str, url: str) -> str:
    return text.replace(f"runbook_url: {_RUNBOOKS}/", f"runbook_url: {url}/")


def _content(file: Path) -> str | None:
    """Read a file; None if it does not exist. Raises UsageError if it cannot be read."""
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
        raise UsageError(f"{folder} cannot be created: {error.strerror}") from None
