"""The HTTP side, as an ASGI application: reads snapshots, asks for probes, and waits for nobody else's host."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import parse_qs

from olaudit.audit import audit
from olaudit.expected import FleetSpec
from olaudit.model import Failure, FailureReason, HostAnswers
from olaudit.render.html.page import LiveRefresh, content_security_policy, render_page
from olaudit.render.style import Style
from olaudit.serve.auditor import Log
from olaudit.serve.events import Gone, Stopped
from olaudit.serve.exposition import FleetCollector, HostCollector, encode
from olaudit.serve.guard import Guard
from olaudit.serve.hosts import request_target
from olaudit.serve.responses import Response, line
from olaudit.serve.service import Service
from olaudit.serve.snapshot import ReportBuilder, Snapshot

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PATHS = ("/", "/metrics", "/probe?target=HOST", "/targets", "/healthz", "/readyz")
_PAGE_SECONDS = 60
_RESERVE_SECONDS = 0.5  # of a scrape's timeout, left for the way back


@dataclass(frozen=True, slots=True)
class Request:
    """What is used of a request: its path, what follows the question mark, and its headers by name."""

    path: str
    query: str
    headers: dict[str, str]


class Web:
    """The application. `timeout` is the deadline of one host's audit, in seconds."""

    def __init__(self, service: Service, judge: ReportBuilder, guard: Guard, log: Log, *, timeout: float) -> None:
        self._service, self._build_report, self._guard, self._log = service, judge, guard, log
        self._timeout = timeout
        self._exposures, self._pages = _Kept(), _Kept()  # a large page must not delay a scrape
        self._routes: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/": self._page,
            "/metrics": self._metrics,
            "/probe": self._probe,
            "/targets": self._targets,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
        }

    async def __call__(self, scope: _Scope, _receive: _Receive, send: _Send) -> None:
        """Answer one request."""
        try:
            response = await self._answer(scope)
        except Exception as error:  # noqa: BLE001 - a bug in one answer must not cost the others
            self._log(f"this is a bug in olaudit: {''.join(traceback.format_exception(error))}")
            response = line("a bug in olaudit: its log tells more", 500)
        headers = response.raw_headers()
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else response.body
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: _Scope) -> Response:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        named = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        hosts, path = request_target(scope["path"], named)
        if not self._guard.serves(hosts):
            return line("this host name is not served here: use an address, or a name of this machine", 421)
        request = Request(path, scope["query_string"].decode("latin-1"), headers)
        if not await self._guard.admits(headers.get("authorization", "")):
            return line("user and password, please", 401, {"www-authenticate": 'Basic realm="olaudit"'})
        if scope["method"] not in ("GET", "HEAD"):
            return line("this only tells: GET and HEAD are all there is", 405, {"allow": "GET, HEAD"})
        route = self._routes.get(request.path)
        return await route(request) if route else line(f"there is nothing here; there is {' '.join(PATHS)}", 404)

    # --- what is known ---

    async def _metrics(self, request: Request) -> Response:
        snapshot, accept = self._service.snapshot, request.headers.get("accept", "")
        zipped = _takes_gzip(request)
        return await self._exposures(
            snapshot, (accept, zipped), lambda: _exposed(FleetCollector(snapshot), accept, zipped)
        )

    async def _page(self, _request: Request) -> Response:
        snapshot = self._service.snapshot

        def made() -> Response:
            live = LiveRefresh(refreshed_at=snapshot.report.run.started_at, every_seconds=_PAGE_SECONDS)
            return Response(
                body=render_page(snapshot.report, Style(), live).encode(),
                content_type="text/html; charset=utf-8",
                policy=f"{content_security_policy()}; frame-ancestors 'none'",
            )

        return await self._pages(snapshot, "page", made)

    async def _targets(self, _request: Request) -> Response:
        body = json.dumps(targets(self._service.snapshot.fleet), indent=1).encode()
        return Response(body=body, content_type="application/json")

    async def _healthz(self, _request: Request) -> Response:
        return line("ok") if self._service.alive else line("nothing is audited any more: restart olaudit", 503)

    async def _readyz(self, _request: Request) -> Response:
        missing = self._service.snapshot.missing if self._service.scheduled else ()
        return line(f"{len(missing)} hosts were not audited yet", 503) if missing else line("ok")

    # --- what is asked now ---

    async def _probe(self, request: Request) -> Response:
        snapshot = self._service.snapshot
        if (host := named(snapshot.fleet, request.query)) is None:
            return line("target= must name one host of the expected files; /targets lists them", 400)
        accept, zipped = request.headers.get("accept", ""), _takes_gzip(request)
        seconds = deadline(request.headers.get("x-prometheus-scrape-timeout-seconds", ""), self._timeout)
        try:
            probed = await asyncio.wait_for(asyncio.wrap_future(self._service.probe(host)), seconds)
        except TimeoutError:
            return await asyncio.to_thread(_exposed, self._late(snapshot, host, seconds), accept, zipped)
        except Gone:
            return line("that host is in the expected files no more; /targets lists those that are", 400)
        except Stopped:
            return line("olaudit is being stopped", 503)
        collector = HostCollector(probed, probed.report, host, probed.audited[host])
        return await asyncio.to_thread(_exposed, collector, accept, zipped)

    def _late(self, snapshot: Snapshot, host: str, seconds: float) -> HostCollector:
        """Say, in this scrape alone, that the host did not answer in time; the audit goes on without it."""
        failure = Failure(FailureReason.TIMEOUT, f"no answer within the {seconds:g} s that the scrape leaves")
        answers = [HostAnswers(host, failure, seconds)]
        spec = snapshot.fleet.hosts[host]
        report = audit(
            [spec], answers, self._build_report.checkers, self._build_report.wanted, snapshot.report.run
        )
        return HostCollector(snapshot, report, host, time.time())


class _Kept:
    """Responses made of the last snapshot, each made once, however many ask; only the last one's are kept."""

    _MOST = 8  # a client may vary its Accept header as it likes

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._of: Snapshot | None = None
        self._made: dict[object, Response] = {}

    async def __call__(self, snapshot: Snapshot, key: object, make: Callable[[], Response]) -> Response:
        async with self._lock:
            if self._of is not snapshot or len(self._made) >= self._MOST:
                self._of, self._made = snapshot, {}
            if key not in self._made:
                self._made[key] = await asyncio.to_thread(make)
            return self._made[key]


def named(fleet: FleetSpec, query: str) -> str | None:
    """Find the one host that `target=` in a query names, short or fully qualified."""
    try:
        given = parse_qs(query, keep_blank_values=True, max_num_fields=20).get("target", [])
    except ValueError:
        return None
    name = given[0].lower().removesuffix(f".{fleet.domain}") if len(given) == 1 else ""
    return name if name in fleet.hosts else None


def deadline(header: str, timeout: float) -> float:
    """Say for how many seconds a probe may wait: as long as the scrape's own header leaves, and never longer."""
    try:
        seconds = float(header)
    except ValueError:
        return timeout
    return min(timeout, max(seconds - _RESERVE_SECONDS, seconds / 2)) if 0 < seconds < float("inf") else timeout


def targets(fleet: FleetSpec) -> list[dict[str, Any]]:
    """List all hosts as Prometheus' HTTP service discovery has it, one group for each role."""
    # roles are laid over each other: the last one is what the host is
    hosts = sorted((host.roles[-1] if host.roles else "", name) for name, host in fleet.hosts.items())
    return [
        {"targets": [name for _, name in same], "labels": {"role": role} if role else {}}
        for role, same in groupby(hosts, key=lambda one: one[0])
    ]


def _exposed(collector: FleetCollector | HostCollector, accept: str, zipped: bool) -> Response:
    body, content_type = encode(collector, accept)
    vary = {"vary": "accept, accept-encoding"}
    if zipped:
        return Response(
            body=gzip.compress(body, 4), content_type=content_type, headers={"content-encoding": "gzip", **vary}
        )
    return Response(body=body, content_type=content_type, headers=vary)


def _takes_gzip(request: Request) -> bool:
    accepted = request.headers.get("accept-encoding", "").split(",")
    return any(one.partition(";")[0].strip().lower() == "gzip" for one in accepted)
