"""`olaudit serve`: periodic audits, served over HTTP."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from olaudit import waivers
from olaudit.audit import select_checks
from olaudit.cli.fleet_audit import Tools
from olaudit.cli.options import AuditOptions, Seconds, audit_options
from olaudit.expected import FleetSpec, find_expected, load
from olaudit.text import visible

if TYPE_CHECKING:
    from olaudit.serve.events import Sources
    from olaudit.serve.guard import Guard
    from olaudit.serve.service import Service
    from olaudit.serve.web_config import WebConfig


class Listen(click.ParamType[tuple[str, int]]):
    """Parameter type for `HOST:PORT`; an IPv6 address must be in brackets."""

    name = "listen"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Parse one value. Raises click.BadParameter if it is not valid."""
        host, colon, port = str(value).rpartition(":")
        bare = host.removeprefix("[").removesuffix("]")
        bracketed = host == f"[{bare}]"
        if not colon or not bare or not port.isdecimal() or (":" in bare) != bracketed:
            self.fail(f"{value!r} is not HOST:PORT, such as 127.0.0.1:9877 or [::1]:9877", param, ctx)
        if int(port) > 65535:
            self.fail(f"{port} is not a port: the highest is 65535", param, ctx)
        return bare, int(port)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """The options of `olaudit serve` besides the shared ones. `interval` is in seconds."""

    listen: tuple[str, int]
    interval: float
    web_config: Path | None
    history: Path | None


@click.command(short_help="Audit hosts periodically; serve metrics and a live page.")
@click.option(
    "--listen",
    type=Listen(),
    default="127.0.0.1:9877",
    show_default=True,
    metavar="HOST:PORT",
    help="Address to listen on. Port 0 selects a free port.",
)
@click.option(
    "--interval",
    type=Seconds(min=0),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="Interval between audits of a host. 0: audit only when probed.",
)
@click.option(
    "--web.config.file",
    "web_config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="TLS and basic authentication, in the format of the Prometheus exporters.",
)
@click.option(
    "--history",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="History file of `olaudit report`, for the age of drift and for new findings.",
)
@audit_options
@click.pass_context
def serve(
    context: click.Context,
    /,
    *,
    listen: tuple[str, int],
    interval: float,
    web_config: Path | None,
    history: Path | None,
    **shared: Any,
) -> None:
    """Audit every host periodically and serve the results over HTTP.

    \b
    /metrics             Prometheus metrics of the last audit of every host
    /probe?target=HOST   audit HOST now and return its metrics only
    /targets             all hosts, for Prometheus HTTP service discovery
    /healthz             whether audits are running
    /readyz              whether every host was audited at least once
    /                    live page

    The expected files are reloaded when they change, and on SIGHUP. SIGTERM stops the server.

    \b
    Examples:
      olaudit serve
      olaudit serve --listen '[::]:9877' --web.config.file web.yaml
      olaudit serve --history reports/history.sqlite

    \b
    Exit codes: 0 stopped by a signal, 2 wrong usage or invalid expected files.
    """  # noqa: D301 - the backspace is for click
    signal.signal(
        signal.SIGHUP, signal.SIG_IGN
    )  # until the service handles it: the default action terminates the process
    options = AuditOptions(format="table", output=(), record=None, replay=None, color="auto", **shared)
    serve_options = ServeOptions(listen=listen, interval=interval, web_config=web_config, history=history)
    if _serve(options, serve_options, context.obj):
        # A normal exit would wait for threads of the libraries, which wait for hosts that hang
        sys.stderr.flush()
        os._exit(0)


def _serve(options: AuditOptions, serve_options: ServeOptions, tools: Tools) -> bool:
    """Serve until a signal arrives; return whether audits are still running. Raises OlauditError."""
    # Imported here, so that other commands start without them
    from olaudit.serve import server  # noqa: PLC0415 - as above
    from olaudit.serve.background import Auditor  # noqa: PLC0415
    from olaudit.serve.events import Pace  # noqa: PLC0415
    from olaudit.serve.guard import Guard, own_names, served_names  # noqa: PLC0415
    from olaudit.serve.service import Service  # noqa: PLC0415
    from olaudit.serve.snapshot import ReportBuilder  # noqa: PLC0415
    from olaudit.serve.web import Web  # noqa: PLC0415
    from olaudit.serve.web_config import NO_WEB_CONFIG, read_web_config  # noqa: PLC0415

    config = read_web_config(serve_options.web_config) if serve_options.web_config else NO_WEB_CONFIG
    guard = Guard(config.users, served_names(serve_options.listen[0], *own_names(), *config.names))
    check_ids = select_checks(tools.checkers, options.only, options.skip, waivers.CHECKS)
    build_report = ReportBuilder(checkers=tools.checkers, check_ids=check_ids, version=version("olaudit"))
    auditor = Auditor(tools.make_transport(options), options.timeout)
    sources = _sources(options, serve_options, tools, config, guard)
    pace = Pace(interval=serve_options.interval, jobs=options.jobs)
    service = Service(sources, build_report, auditor, pace, _log)
    server.raise_open_file_limit()
    server.limit_arenas()  # before the first thread starts
    listening = server.listen(*serve_options.listen)
    web = Web(service, build_report, guard, _log, timeout=options.timeout)
    with _signal_handlers(service), server.HttpServer(web, listening, config.tls):
        address = server.format_address(*listening.getsockname()[:2])
        summary = _summary(service, serve_options)
        _log(f"listening on {'https' if config.tls else 'http'}://{address}; {summary}")
        service.run()
    _log("stopped")
    return service.busy


def _sources(
    options: AuditOptions, serve_options: ServeOptions, tools: Tools, config: WebConfig, guard: Guard
) -> Sources:
    from olaudit.serve.events import Sources, read_run_history  # noqa: PLC0415
    from olaudit.serve.file_watch import FileWatcher, expected_folders  # noqa: PLC0415
    from olaudit.serve.snapshot import RunHistory  # noqa: PLC0415 - as above
    from olaudit.serve.web_config import read_web_config  # noqa: PLC0415

    root = find_expected(options.expected, os.environ)
    history = serve_options.history

    def load_expected() -> FleetSpec:
        return load(root, tools.checkers, tools.now().date())

    web_config_watcher = FileWatcher(config.files)

    def reload_web_config() -> None:
        nonlocal config
        if serve_options.web_config:
            config = config.update(read_web_config(serve_options.web_config))
            guard.replace(config.users)
            web_config_watcher.watch(config.files)
            _log(f"{serve_options.web_config} reloaded")

    return Sources(
        load_expected=load_expected,
        expected_watcher=FileWatcher(expected_folders(root)),
        load_history=(lambda: read_run_history(history)) if history else RunHistory,
        history_watcher=FileWatcher([history] if history else []),
        reload_web_config=reload_web_config,
        web_config_watcher=web_config_watcher,
        now=tools.now,
    )


def _summary(service: Service, serve_options: ServeOptions) -> str:
    fleet = service.snapshot.fleet
    schedule = f"every {serve_options.interval:g} s" if serve_options.interval else "when probed"
    return f"{len(fleet.hosts)} hosts, audited {schedule}, expected revision {fleet.revision}"


@contextmanager
def _signal_handlers(service: Service) -> Iterator[None]:
    """Install signal handlers for the service while the block runs."""
    actions: dict[signal.Signals, Callable[[], None]] = {
        signal.SIGTERM: service.stop,
        signal.SIGINT: service.stop,
        signal.SIGHUP: service.reload,
    }

    def handle(number: int, _frame: object) -> None:
        actions[signal.Signals(number)]()

    previous = {number: signal.signal(number, handle) for number in actions}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _log(text: str) -> None:
    """Write an event to stderr, with control characters from hosts and files escaped."""
    for line in text.splitlines():
        click.echo(f"olaudit: {visible(line)}", err=True)
