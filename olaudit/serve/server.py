"""The HTTP server: uvicorn in a thread of its own, with clients that dawdle hung up on."""

from __future__ import annotations

import asyncio
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

PATIENCE_SECONDS = 30
"""How long a client may take to send a request, to take the answer, or to stay without asking again."""

_CONNECTIONS = 400
_BACKLOG = 128  # connections that are taken in one turn
_FILES = 1 << 16
_HEADER_BYTES = 16 * 1024
_GRACE_SECONDS = 1  # for answers that are under way when it stops
_LATEST_STOP_SECONDS = 2.5


class _Impatient(H11Protocol):
    """One connection. Where there are too many, the one that has been idle longest has to go."""

    idle_since = 0.0
    given_up = False
    _timer: asyncio.TimerHandle | None = None
    cycle: RequestResponseCycle | None  # type: ignore[assignment]  # None before the first request

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._arm()
        if len(self.connections) > _CONNECTIONS:
            idle = [one for one in self.connections if isinstance(one, _Impatient) and one.idle]
            victim = min((one for one in idle if not one.given_up), key=lambda one: one.idle_since, default=self)
            victim.given_up = True  # it is among the connections until the loop comes to it
            victim.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        self._arm()
        super().on_response_complete()

    @property
    def idle(self) -> bool:
        """Whether no answer is owed."""
        return self.cycle is None or self.cycle.response_complete

    def _arm(self) -> None:
        self._disarm()
        self.idle_since = self.loop.time()
        self._timer = self.loop.call_later(PATIENCE_SECONDS, self._hang_up)

    def _disarm(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _hang_up(self) -> None:
        if self.idle:
            self.transport.abort()  # not close: that would wait for a client that takes nothing


class HttpServer:
    """Serves `app` on an open socket while its block runs."""

    def __init__(self, app: Any, listening: socket.socket, tls: ssl.SSLContext | None) -> None:
        config = uvicorn.Config(
            app,
            http=_Impatient,
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
            timeout_keep_alive=PATIENCE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            h11_max_incomplete_event_size=_HEADER_BYTES,
            ssl_context_factory=(lambda _config, _default: tls) if tls else None,
        )
        self._server = uvicorn.Server(config)
        self._listening = listening
        self._thread = threading.Thread(target=self._server.run, args=([listening],), daemon=True, name="http")

    def __enter__(self) -> Self:
        """Begin to serve; when this returns, requests are answered."""
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.01)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Take no more requests, and give those under way a moment."""
        self._server.should_exit = True
        self._thread.join(_LATEST_STOP_SECONDS)
        self._listening.close()


def allow_files() -> None:
    """Let as many files be open as the system allows: clients that only connect must not cost audits theirs."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if most == resource.RLIM_INFINITY else min(most, _FILES)
    if resource.RLIM_INFINITY != now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def listen(host: str, port: int) -> socket.socket:
    """Open the socket to listen on. Raises UsageError where that is not possible."""
    shown = place(host, port)
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        dual = address[0] == "::" and socket.has_dualstack_ipv6()  # every address, not only those of IPv6
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG, dualstack_ipv6=dual)
    except socket.gaierror as error:
        raise UsageError(
            f"cannot listen on {shown}: {error.strerror}", "--listen takes an address of this machine"
        ) from None
    except OSError as error:
        hint = "is another `olaudit serve` running? --listen takes another port" if "in use" in str(error) else ""
        reason = (error.strerror or str(error)).partition(" (while")[0]
        raise UsageError(f"cannot listen on {shown}: {reason}", hint) from None


def place(host: str, port: int) -> str:
    """Write an address and a port as in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
