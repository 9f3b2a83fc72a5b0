"""`olaudit serve`: audits all day, and tells over HTTP."""

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
from olaudit.cli.auditing import Tools
from olaudit.cli.options import Options, Seconds, asking_options
from olaudit.expected import FleetSpec, find_expected, load
from olaudit.text import visible

if TYPE_CHECKING:
    from olaudit.serve.events import Sources
    from olaudit.serve.guard import Guard
    from olaudit.serve.service import Service
    from olaudit.serve.web_config import WebConfig


class Listen(click.ParamType[tuple[str, int]]):
    """Reads `HOST:PORT`; an IPv6 address stands in brackets."""

    name = "listen"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Read one; fails with what is wrong with it."""
        host, colon, port = str(value).rpartition(":")
        bare = host.removeprefix("[").removesuffix("]")
        bracketed = host == f"[{bare}]"
        if not colon or not bare or not port.isdecimal() or (":" in bare) != bracketed:
            self.fail(f"{value!r} is not HOST:PORT, such as 127.0.0.1:9877 or [::1]:9877", param, ctx)
        if int(port) > 65535:
            self.fail(f"there is no port {port}: the last is 65535", param, ctx)
        return bare, int(port)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What was said on the command line, besides what is shared. `interval` is in seconds."""

    listen: tuple[str, int]
    interval: float
    web_config: Path | None
    history: Path | None


@click.command(short_help="Audit all day: an exporter for Prometheus, and a live page.")
@click.option(
    "--listen",
    type=Listen(),
    default="127.0.0.1:9877",
    show_default=True,
    metavar="HOST:PORT",
    help="Where to listen. Port 0 takes a free one.",
)
@click.option(
    "--interval",
    type=Seconds(min=0),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="How often every host is audited; 0: only when it is probed.",
)
@click.option(
    "--web.config.file",
    "web_config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="TLS and users with passwords, in the format of Prometheus' own exporters.",
)
@click.option(
    "--history",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The history that `olaudit report` keeps: for how long drift has been there, and what is new since.",
)
@asking_options
@click.pass_context
def serve(
    context: click.Context,
    /,
    *,
    listen: tuple[str, int],
    interval: float,
    web_config: Path | None,
    history: Path | None,
    **said: Any,
) -> None:
    """Audit every host again and again, and tell what was found over HTTP.

    \b
    /metrics             the last audits of the whole fleet, for Prometheus
    /probe?target=HOST   audits this host now, and tells of it alone
    /targets             all hosts, as HTTP service discovery
    /healthz, /readyz    it runs; every host was audited once
    /                    the live page

    The expected files are read again when they change, and on SIGHUP. SIGTERM ends it.

    \b
    Examples:
      olaudit serve
      olaudit serve --listen '[::]:9877' --web.config.file web.yaml
      olaudit serve --history reports/history.sqlite

    \b
    Exit codes: 0 it was stopped, 2 wrong usage or expected files.
    """  # noqa: D301 - click reads the backspace itself
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is a service: it would end us
    options = Options(format="table", output=(), record=None, replay=None, color="auto", **said)
    serving = Serving(listen=listen, interval=interval, web_config=web_config, history=history)
    if _serve(options, serving, context.obj):
        # Its libraries wait for their own threads when a program ends, and those for a host that hangs
        sys.stderr.flush()
        os._exit(0)


def _serve(options: Options, serving: Serving, tools: Tools) -> bool:
    """Serve until a signal ends it; say whether audits are still under way then. Raises OlauditError."""
    # What only this command needs: other commands need not wait for it.
    from olaudit.serve import server  # noqa: PLC0415 - as said above
    from olaudit.serve.auditor import Auditor  # noqa: PLC0415
    from olaudit.serve.events import Pace  # noqa: PLC0415
    from olaudit.serve.guard import Guard  # noqa: PLC0415
    from olaudit.serve.hosts import own_names, served_names  # noqa: PLC0415
    from olaudit.serve.memory import limit_arenas  # noqa: PLC0415
    from olaudit.serve.service import Service  # noqa: PLC0415
    from olaudit.serve.snapshot import ReportBuilder  # noqa: PLC0415
    from olaudit.serve.web import Web  # noqa: PLC0415
    from olaudit.serve.web_config import OPEN, read  # noqa: PLC0415

    config = read(serving.web_config) if serving.web_config else OPEN
    guard = Guard(config.users, served_names(serving.listen[0], *own_names(), *config.names))
    wanted = select_checks(tools.checkers, options.only, options.skip, waivers.CHECKS)
    evaluate = ReportBuilder(checkers=tools.checkers, wanted=wanted, version=version("olaudit"))
    asker = Auditor(tools.make_transport(options), options.timeout)
    sources = _sources(options, serving, tools, config, guard)
    service = Service(sources, evaluate, asker, Pace(interval=serving.interval, jobs=options.jobs), _log)
    server.allow_files()
    limit_arenas()  # before the first thread
    listening = server.listen(*serving.listen)
    web = Web(service, evaluate, guard, _log, timeout=options.timeout)
    with _signals(service), server.HttpServer(web, listening, config.tls):
        where = server.place(*listening.getsockname()[:2])
        _log(f"listening on {'https' if config.tls else 'http'}://{where}; {_what(service, serving)}")
        service.run()
    _log("stopped")
    return service.busy


def _sources(options: Options, serving: Serving, tools: Tools, config: WebConfig, guard: Guard) -> Sources:
    from olaudit.serve.events import Sources  # noqa: PLC0415
    from olaudit.serve.file_watch import Watched, expected_files  # noqa: PLC0415
    from olaudit.serve.run_history import read_run_history  # noqa: PLC0415
    from olaudit.serve.snapshot import RunHistory  # noqa: PLC0415 - as above
    from olaudit.serve.web_config import read  # noqa: PLC0415

    root = find_expected(options.expected, os.environ)
    history = serving.history

    def expected() -> FleetSpec:
        return load(root, tools.checkers, tools.now().date())

    watched = Watched(config.files)

    def refresh() -> None:
        nonlocal config
        if serving.web_config:
            config = config.take_over(read(serving.web_config))
            guard.replace(config.users)
            watched.watch(config.files)
            _log(f"{serving.web_config} reloaded")

    return Sources(
        expected=expected,
        watch_expected=Watched(expected_files(root)),
        run_history=(lambda: read_run_history(history)) if history else RunHistory,
        watch_run_history=Watched([history] if history else []),
        refresh=refresh,
        watch_refresh=watched,
        now=tools.now,
    )


def _what(service: Service, serving: Serving) -> str:
    fleet = service.snapshot.fleet
    often = f"every {serving.interval:g} s" if serving.interval else "when probed"
    return f"{len(fleet.hosts)} hosts, audited {often}, as of revision {fleet.revision}"


@contextmanager
def _signals(service: Service) -> Iterator[None]:
    """Let signals speak to the service while the block runs."""
    wanted: dict[signal.Signals, Callable[[], None]] = {
        signal.SIGTERM: service.stop,
        signal.SIGINT: service.stop,
        signal.SIGHUP: service.reload,
    }
    before = {
        number: signal.signal(number, lambda one, _frame: wanted[signal.Signals(one)]()) for number in wanted
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _log(text: str) -> None:
    """Say an event on stderr; what a host or a file put into it stays visible."""
    for line in text.splitlines():
        click.echo(f"olaudit: {visible(line)}", err=True)
