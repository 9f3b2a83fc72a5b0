"""Docker Engine of a simulated machine: the part of its HTTP API that an audit reads."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from olaudit.demo.machine import Engine

_PATH = re.compile(r"(?:/v([0-9]+\.[0-9]+))?(/.*)")
_INSPECT = re.compile(r"/containers/([^/]+)/json")
_CHANGES = re.compile(r"/containers/([^/]+)/changes")
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
    if match[1] and not _number(engine.min_api) <= _number(match[1]) <= _number(engine.api):
        return _refusal(HTTPStatus.BAD_REQUEST, _version_message(engine, match[1]))
    if match[2] == "/version":
        return HTTPStatus.OK, _version(engine)
    if match[2] == "/containers/json":
        stopped_too = parse_qs(url.query).get("all", ["0"])[0] in ("1", "true", "True")
        return HTTPStatus.OK, _container_list(engine, stopped_too=stopped_too)
    if inspect := _INSPECT.fullmatch(match[2]):
        return _inspect_reply(engine, inspect[1])
    return _contents_reply(engine, match[2], parse_qs(url.query))


def _inspect_reply(engine: Engine, id_: str) -> Reply:
    container = next((container for container in engine.containers if container["Id"] == id_), None)
    return (HTTPStatus.OK, container) if container else _refusal(HTTPStatus.NOT_FOUND, f"No such container: {id_}")


def _contents_reply(engine: Engine, path: str, query: Mapping[str, list[str]]) -> Reply:
    """Answer requests about images and about files changed inside containers; no container has changed files."""
    if path == "/images/json" and "filters" in query:  # a search for an image that does not exist
        return HTTPStatus.OK, []
    containers = engine.containers
    if (changes := _CHANGES.fullmatch(path)) and any(container["Id"] == changes[1] for container in containers):
        return HTTPStatus.OK, None
    image = _IMAGE.fullmatch(path)
    if image and unquote(image[1]) in (
        *engine.images,
        *(container["Config"]["Image"] for container in containers),
    ):
        digest = hashlib.sha256(image[1].encode()).hexdigest()
        return HTTPStatus.OK, {"RootFS": {"Type": "layers", "Layers": [f"sha256:{digest}"]}}
    return _refusal(HTTPStatus.NOT_FOUND, "page not found")


def _refusal(status: HTTPStatus, message: str) -> Reply:
    return status, {"message": message}


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _version_message(engine: Engine, version: str) -> str:
    if _number(version) > _number(engine.api):
        return f"client version {version} is too new. Maximum supported API version is {engine.api}"
    return (
        f"client version {version} is too old. Minimum supported API version is {engine.min_api}, "
        "please upgrade your client to a newer version"
    )


def _version(engine: Engine) -> dict[str, Any]:
    return {
        "Platform": {"Name": "Docker Engine - Community"},
        "Version": engine.version,
        "ApiVersion": engine.api,
        "MinAPIVersion": engine.min_api,
        "Os": "linux",
        "Arch": "amd64",
    }


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
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Api-Version", self.docker.api)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Discard log messages: the client receives each error."""
