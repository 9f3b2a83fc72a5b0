"""The Docker Engine of a simulated machine: the part of its HTTP API that an audit reads."""

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
    """Answer requests on a connected stream until the other side has no more."""

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
        return _refusal(HTTPStatus.BAD_REQUEST, _other_version(engine, match[1]))
    if match[2] == "/version":
        return HTTPStatus.OK, _version(engine)
    if match[2] == "/containers/json":
        everything = parse_qs(url.query).get("all", ["0"])[0] in ("1", "true", "True")
        return HTTPStatus.OK, _listed(engine, everything=everything)
    if inspect := _INSPECT.fullmatch(match[2]):
        found = next((one for one in engine.containers if one["Id"] == inspect[1]), None)
        return (
            (HTTPStatus.OK, found) if found else _refusal(HTTPStatus.NOT_FOUND, f"No such container: {inspect[1]}")
        )
    return _of_contents(engine, match[2], parse_qs(url.query))


def _of_contents(engine: Engine, path: str, query: Mapping[str, list[str]]) -> Reply:
    """Answer what is asked about files: of images, and of containers, which nobody has changed here."""
    if path == "/images/json" and "filters" in query:  # by the name of an image that is not there
        return HTTPStatus.OK, []
    if (changes := _CHANGES.fullmatch(path)) and any(one["Id"] == changes[1] for one in engine.containers):
        return HTTPStatus.OK, None
    image = _IMAGE.fullmatch(path)
    if image and unquote(image[1]) in (*engine.images, *(one["Config"]["Image"] for one in engine.containers)):
        digest = hashlib.sha256(image[1].encode()).hexdigest()
        return HTTPStatus.OK, {"RootFS": {"Type": "layers", "Layers": [f"sha256:{digest}"]}}
    return _refusal(HTTPStatus.NOT_FOUND, "page not found")


def _refusal(status: HTTPStatus, message: str) -> Reply:
    return status, {"message": message}


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _other_version(engine: Engine, asked: str) -> str:
    if _number(asked) > _number(engine.api):
        return f"client version {asked} is too new. Maximum supported API version is {engine.api}"
    return (
        f"client version {asked} is too old. Minimum supported API version is {engine.min_api}, "
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


def _listed(engine: Engine, *, everything: bool) -> list[dict[str, Any]]:
    return [
        {
            "Id": one["Id"],
            "Names": [one["Name"]],
            "Image": one["Config"]["Image"],
            "Labels": one["Config"]["Labels"],
            "State": one["State"]["Status"],
        }
        for one in engine.containers
        if everything or one["State"]["Running"]
    ]


class _Handler(BaseHTTPRequestHandler):
    """HTTP over a stream that is no socket."""

    docker: Engine
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        """Keep an answer until it is whole: it goes out in one packet, not one for each header."""
        super().setup()
        self.wfile = self._answer = io.BytesIO()

    def handle_one_request(self) -> None:
        """Answer one request, if there is another."""
        super().handle_one_request()
        self.connection.sendall(self._answer.getvalue())
        self.wfile = self._answer = io.BytesIO()

    def do_GET(self) -> None:
        """Answer one request."""
        status, content = reply(self.docker, self.path)
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Api-Version", self.docker.api)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Say nothing: what goes wrong is seen by who asked."""
