"""The HTTP server: uvicorn in a separate thread, with time limits for slow clients, and limits of the process."""

import asyncio
import contextlib
import ctypes
import resource
import socket
import ssl
import threading
import time
from types import TracebackType
from typing import Any, Self

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from olaudit.errors import UsageError

CLIENT_TIMEOUT_SECONDS = 30
"""The maximum time to receive a request or to send a response, and the maximum idle time of a connection."""

_MAX_CONNECTIONS = 400
_BACKLOG = 128  # connections that wait to be accepted
_MAX_OPEN_FILES = 1 << 16
_HEADER_BYTES = 16 * 1024
_GRACE_SECONDS = 1  # for responses that are in progress at shutdown
_SHUTDOWN_TIMEOUT_SECONDS = 2.5
_ARENA_MAX = -8  # M_ARENA_MAX of glibc's malloc.h
_ARENAS = 2


class _LimitedConnection(H11Protocol):
    """A connection with a time limit. If there are too many, the one that has been idle longest is closed."""

    idle_since = 0.0
    aborted = False
    _timer: asyncio.TimerHandle | None = None
    cycle: RequestResponseCycle | None  # type: ignore[assignment]  # None before the first request

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # the signature of uvicorn
        super().connection_made(transport)
        self._start_timer()
        if len(self.connections) > _MAX_CONNECTIONS:
            limited = (other for other in self.connections if isinstance(other, _LimitedConnection))
            candidates = (other for other in limited if other.idle and not other.aborted)
            longest_idle = min(candidates, key=lambda other: other.idle_since, default=self)
            longest_idle.aborted = True  # it stays in `connections` until the event loop handles the abort
            longest_idle.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_timer()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        self._start_timer()
        super().on_response_complete()

    @property
    def idle(self) -> bool:
        """Whether no response is pending."""
        return self.cycle is None or self.cycle.response_complete

    def _start_timer(self) -> None:
        self._cancel_timer()
        self.idle_since = self.loop.time()
        self._timer = self.loop.call_later(CLIENT_TIMEOUT_SECONDS, self._abort_if_idle)

    def _cancel_timer(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _abort_if_idle(self) -> None:
        if self.idle:
            self.transport.abort()  # not close(), which would wait for a client that does not read


class HttpServer:
    """HTTP server for `app` on an open socket, as a context manager."""

    def __init__(self, app: Any, listening: socket.socket, tls: ssl.SSLContext | None) -> None:
        config = uvicorn.Config(
            app,
            http=_LimitedConnection,
            ws="none",
            lifespan="off",
            loop="asyncio",
            interface="asgi3",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=_BACKLOG,
            timeout_keep_alive=CLIENT_TIMEOUT_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            h11_max_incomplete_event_size=_HEADER_BYTES,
            ssl_context_factory=(lambda _config, _default: tls) if tls else None,
        )
        self._server = uvicorn.Server(config)
        self._listening = listening
        self._thread = threading.Thread(target=self._server.run, args=([listening],), daemon=True, name="http")

    def __enter__(self) -> Self:
        """Start the server; return when it accepts requests."""
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.01)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Stop accepting requests, and wait a limited time for those in progress."""
        self._server.should_exit = True
        self._thread.join(_SHUTDOWN_TIMEOUT_SECONDS)
        self._listening.close()


def raise_open_file_limit() -> None:
    """Raise the limit of open files: idle clients must not use up the descriptors that audits need."""
    soft_limit, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = _MAX_OPEN_FILES if hard_limit == resource.RLIM_INFINITY else min(hard_limit, _MAX_OPEN_FILES)
    if resource.RLIM_INFINITY != soft_limit < target:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard_limit))


def limit_arenas() -> None:
    """Limit glibc's malloc to two arenas for all threads; do nothing with other C libraries.

    By default glibc creates up to eight arenas for each core, and each arena retains the memory that its threads
    freed. With answers of some MiB, the memory of `serve` grew for thousands of audits (benchmarks/serve_soak.py).
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, _ARENAS)


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket. Raises UsageError if that fails."""
    shown = format_address(host, port)
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        dual = address[0] == "::" and socket.has_dualstack_ipv6()  # "::" listens on IPv4 addresses too
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG, dualstack_ipv6=dual)
    except socket.gaierror as error:
        raise UsageError(
            f"cannot listen on {shown}: {error.strerror}", "pass an address of this machine to --listen"
        ) from None
    except OSError as error:
        hint = (
            "is another `olaudit serve` running? Choose another port with --listen"
            if "in use" in str(error)
            else ""
        )
        reason = (error.strerror or str(error)).partition(" (while")[0]
        raise UsageError(f"cannot listen on {shown}: {reason}", hint) from None


def format_address(host: str, port: int) -> str:
    """Format an address and a port as in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
