"""Docker Engine of a simulated host: the part of its HTTP API that an audit reads."""

import io
import json
import re
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from olaudit.demo.present import to_present
from olaudit.demo.recorded import Engine

_PATH = re.compile(r"(?:/v([0-9]+\.[0-9]+))?(/.*)")
_CONTAINER = re.compile(r"/containers/([^/]+)/(json|changes)")
_IMAGE = re.compile(r"/images/(.+)/json")

Reply = tuple[HTTPStatus, Any]


def serve(engine: Engine, stream: Any) -> None:
    """Answer requests on a connected stream until the client closes it."""

    class Handler(_Handler):
        docker = engine

    Handler(stream, ("", 0), None)  # type: ignore[arg-type]  # no server: it handles one stream, in its constructor


def reply(engine: Engine, target: str) -> Reply:
    """Answer `GET target`."""
    url = urlsplit(target)
    match = _PATH.fullmatch(url.path)
    if match is None:
        return _refusal(HTTPStatus.NOT_FOUND, "page not found")
    oldest, newest = engine.version["MinAPIVersion"], engine.version["ApiVersion"]
    if match[1] and not _number(oldest) <= _number(match[1]) <= _number(newest):
        return _refusal(
            HTTPStatus.BAD_REQUEST, f"client version {match[1]} is not supported: {oldest} to {newest} are"
        )
    if match[2] == "/version":
        return HTTPStatus.OK, engine.version
    if match[2] == "/containers/json":
        stopped_too = parse_qs(url.query).get("all", ["0"])[0] in ("1", "true", "True")
        return HTTPStatus.OK, _container_list(engine, stopped_too=stopped_too)
    if match[2] == "/images/json" and "filters" in url.query:  # a search for an image that does not exist
        return HTTPStatus.OK, []
    return _description(engine, match[2])


def _description(engine: Engine, path: str) -> Reply:
    """Answer a request for one container, its changed files, or one image."""
    if request := _CONTAINER.fullmatch(path):
        container = next((container for container in engine.containers if container["Id"] == request[1]), None)
        if container is None:
            return _refusal(HTTPStatus.NOT_FOUND, f"No such container: {request[1]}")
        changes = engine.changes.get(container["Name"].removeprefix("/")) or None
        return HTTPStatus.OK, container if request[2] == "json" else changes
    if (image := _IMAGE.fullmatch(path)) and (layers := engine.layers.get(unquote(image[1]))):
        return HTTPStatus.OK, {"RootFS": {"Type": "layers", "Layers": layers}}
    return _refusal(HTTPStatus.NOT_FOUND, "page not found")


def _refusal(status: HTTPStatus, message: str) -> Reply:
    return status, {"message": message}


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _container_list(engine: Engine, *, stopped_too: bool) -> list[dict[str, Any]]:
    return [
        {
            "Id": container["Id"],
            "Names": [container["Name"]],
            "Image": container["Config"]["Image"],
            "Labels": container["Config"]["Labels"],
            "State": container["State"]["Status"],
        }
        for container in engine.containers
        if stopped_too or container["State"]["Running"]
    ]


class _Handler(BaseHTTPRequestHandler):
    """HTTP handler for a stream that is not a socket."""

    docker: Engine
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        """Buffer a response until it is complete: it is sent in one packet, not in one per header."""
        super().setup()
        self.wfile = self._buffer = io.BytesIO()

    def handle_one_request(self) -> None:
        """Answer the next request, if there is one."""
        super().handle_one_request()
        self.connection.sendall(self._buffer.getvalue())
        self.wfile = self._buffer = io.BytesIO()

    def do_GET(self) -> None:
        """Answer a GET request."""
        status, content = reply(self.docker, self.path)
        body = to_present(json.dumps(content)).encode()
        self.send_response(status)
        self.send_header("Api-Version", self.docker.version["ApiVersion"])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Discard log messages: the client receives each error."""
