"""The HTTP interface, as an ASGI application that reads snapshots and requests probes."""

import asyncio
import gzip
import json
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs

from olaudit.audit import audit
from olaudit.expected import FleetSpec
from olaudit.model import Failure, FailureReason, HostAnswers
from olaudit.render.html.page import LiveRefresh, content_security_policy, render_page
from olaudit.render.style import Style
from olaudit.serve.events import HostRemoved, Log, ServiceStopped
from olaudit.serve.exposition import HostCollector, discovery_targets, encode
from olaudit.serve.fleet_exposition import FleetExposition
from olaudit.serve.guard import Guard, request_target
from olaudit.serve.service import Service
from olaudit.serve.snapshot import ReportBuilder, Snapshot

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PATHS = ("/", "/metrics", "/probe?target=HOST", "/targets", "/healthz", "/readyz")
_PAGE_SECONDS = 60
_RESERVE_SECONDS = 0.5  # of a scrape's timeout, reserved for sending the response
_DENY_ALL_POLICY = "default-src 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class Request:
    """The used parts of a request: query string, and headers by name."""

    query: str
    headers: dict[str, str]

    @property
    def accept(self) -> str:
        """The media ranges that the client accepts."""
        return self.headers.get("accept", "")

    @property
    def accepts_gzip(self) -> bool:
        """Whether the client accepts a compressed response."""
        accepted = self.headers.get("accept-encoding", "").split(",")
        return any(coding.partition(";")[0].strip().lower() == "gzip" for coding in accepted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An HTTP response, complete before its first byte is sent. It never contains text from the request."""

    status: int = 200
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    policy: str = _DENY_ALL_POLICY
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers in the form that ASGI expects."""
        headers = {
            "content-type": self.content_type,
            "content-length": str(len(self.body)),
            "content-security-policy": self.policy,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cache-control": "no-store",
            **self.headers,
        }
        return [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]


def text_response(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Build a response with one line of text."""
    return Response(status=status, body=f"{text}\n".encode(), headers=headers or {})


class Web:
    """The ASGI application. `timeout` is the deadline of one host's audit, in seconds."""

    def __init__(
        self, service: Service, build_report: ReportBuilder, guard: Guard, log: Log, *, timeout: float
    ) -> None:
        self._service, self._build_report, self._guard, self._log = service, build_report, guard, log
        self._timeout = timeout
        self._exposition = FleetExposition()
        # separate caches: rendering a large page must not delay a scrape
        self._metrics_cache, self._page_cache = _ResponseCache(), _ResponseCache()
        self._routes: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/": self._page,
            "/metrics": self._metrics,
            "/probe": self._probe,
            "/targets": self._targets,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
        }

    async def __call__(self, scope: _Scope, _receive: _Receive, send: _Send) -> None:
        """Handle one request."""
        try:
            response = await self._respond(scope)
        except Exception as error:  # noqa: BLE001 - a bug in one response must not affect others
            self._log(f"internal error: {''.join(traceback.format_exception(error))}")
            response = text_response("Internal server error: see the log of olaudit serve", 500)
        headers = response.raw_headers()
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else response.body
        await send({"type": "http.response.body", "body": body})

    async def _respond(self, scope: _Scope) -> Response:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        host_headers = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        hosts, path = request_target(scope["path"], host_headers)
        if not self._guard.serves(hosts):
            return text_response("Host name not served: use an IP address or a name of this machine", 421)
        if not await self._guard.admits(headers.get("authorization", "")):
            return text_response("Authentication required", 401, {"www-authenticate": 'Basic realm="olaudit"'})
        if scope["method"] not in ("GET", "HEAD"):
            return text_response("Method not allowed: use GET or HEAD", 405, {"allow": "GET, HEAD"})
        if not (route := self._routes.get(path)):
            return text_response(f"Not found. Available: {', '.join(PATHS)}", 404)
        return await route(Request(scope["query_string"].decode("latin-1"), headers))

    # --- responses from the last snapshot ---

    async def _metrics(self, request: Request) -> Response:
        snapshot, key = self._service.snapshot, (request.accept, request.accepts_gzip)
        return await self._metrics_cache(
            snapshot, key, lambda: _metrics_response(*self._exposition.encode(snapshot, request.accept), request)
        )

    async def _page(self, _request: Request) -> Response:
        snapshot = self._service.snapshot

        def render() -> Response:
            live = LiveRefresh(refreshed_at=snapshot.report.run.started_at, every_seconds=_PAGE_SECONDS)
            return Response(
                body=render_page(snapshot.report, Style(), live).encode(),
                content_type="text/html; charset=utf-8",
                policy=f"{content_security_policy()}; frame-ancestors 'none'",
            )

        return await self._page_cache(snapshot, "page", render)

    async def _targets(self, _request: Request) -> Response:
        body = json.dumps(discovery_targets(self._service.snapshot.fleet), indent=1).encode()
        return Response(body=body, content_type="application/json")

    async def _healthz(self, _request: Request) -> Response:
        if not self._service.alive:
            return text_response("Auditing has stopped: restart olaudit", 503)
        return text_response("ok")

    async def _readyz(self, _request: Request) -> Response:
        unaudited = self._service.snapshot.unaudited if self._service.scheduled else ()
        if unaudited:
            return text_response(f"Hosts not audited yet: {len(unaudited)}", 503)
        return text_response("ok")

    # --- probes ---

    async def _probe(self, request: Request) -> Response:
        snapshot = self._service.snapshot
        if (host := requested_host(snapshot.fleet, request.query)) is None:
            return text_response(
                "The target parameter must name one host of the expected files; /targets lists them", 400
            )
        seconds = probe_timeout(request.headers.get("x-prometheus-scrape-timeout-seconds", ""), self._timeout)
        try:
            probed = await asyncio.wait_for(asyncio.wrap_future(self._service.probe(host)), seconds)
            collector = HostCollector(probed, probed.report, host, probed.audited_at[host])
        except TimeoutError:
            collector = self._timed_out(snapshot, host, seconds)
        except HostRemoved:
            return text_response("The host was removed from the expected files; /targets lists the hosts", 400)
        except ServiceStopped:
            return text_response("olaudit serve is shutting down", 503)
        return await asyncio.to_thread(lambda: _metrics_response(*encode(collector, request.accept), request))

    def _timed_out(self, snapshot: Snapshot, host: str, seconds: float) -> HostCollector:
        """Return metrics that report a timeout, for this scrape only; the audit continues."""
        failure = Failure(
            FailureReason.TIMEOUT, f"no answer within the {seconds:g} s that the scrape timeout allows"
        )
        answers = [HostAnswers(host, failure, seconds)]
        spec = snapshot.fleet.hosts[host]
        report = audit(
            [spec], answers, self._build_report.checkers, self._build_report.check_ids, snapshot.report.run
        )
        return HostCollector(snapshot, report, host, time.time())


class _ResponseCache:
    """Cache of responses for the last snapshot: concurrent requests render each response once."""

    _MAX_ENTRIES = 8  # the Accept header is part of the key, and clients can vary it

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._snapshot: Snapshot | None = None
        self._responses: dict[object, Response] = {}

    async def __call__(self, snapshot: Snapshot, key: object, render: Callable[[], Response]) -> Response:
        async with self._lock:
            if self._snapshot is not snapshot or len(self._responses) >= self._MAX_ENTRIES:
                self._snapshot, self._responses = snapshot, {}
            if key not in self._responses:
                self._responses[key] = await asyncio.to_thread(render)
            return self._responses[key]


def requested_host(fleet: FleetSpec, query: str) -> str | None:
    """Return the host in the single `target` parameter of a query, short or fully qualified; None if invalid."""
    try:
        targets = parse_qs(query, keep_blank_values=True, max_num_fields=20).get("target", [])
    except ValueError:
        return None
    name = targets[0].lower().removesuffix(f".{fleet.domain}") if len(targets) == 1 else ""
    return name if name in fleet.hosts else None


def probe_timeout(header: str, timeout: float) -> float:
    """Return the timeout (seconds) of a probe: from the header of the scrape, at most `timeout`."""
    try:
        seconds = float(header)
    except ValueError:
        return timeout
    return min(timeout, max(seconds - _RESERVE_SECONDS, seconds / 2)) if 0 < seconds < float("inf") else timeout


def _metrics_response(body: bytes, content_type: str, request: Request) -> Response:
    headers = {"vary": "accept, accept-encoding"}
    if request.accepts_gzip:
        body, headers = gzip.compress(body, 4), {"content-encoding": "gzip", **headers}
    return Response(body=body, content_type=content_type, headers=headers)
