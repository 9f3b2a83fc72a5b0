"""The Docker SDK's client, over dialled streams alone and without anything of the auditor's own Docker set-up."""

from __future__ import annotations

import re
from typing import Any

import docker
import requests
import requests.adapters

from olaudit.transport.engine.decoding import decode
from olaudit.transport.engine.errors import BadAnswer, Refusal, one_line
from olaudit.transport.engine.exchange import Streams

_BASE = "http://docker"
_LEAST_VERSION = (1, 24)  # what the SDK itself supports
_VERSION = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})")


class _Adapter(requests.adapters.BaseAdapter):
    """Carries the SDK's requests. Its headers are not sent: nothing of the auditor's reaches the host."""

    def __init__(self, streams: Streams) -> None:
        super().__init__()
        self._streams = streams

    def send(self, request: requests.PreparedRequest, *_args: Any, **_kwargs: Any) -> requests.Response:
        """Send a request that cannot change anything, and give the whole answer."""
        if request.method != "GET" or request.body:
            raise AssertionError(f"an audit sends no {request.method}")
        answer = self._streams.get(request.path_url)
        response = requests.Response()
        response.status_code = answer.status
        response._content = answer.body  # noqa: SLF001 - as the adapter of `requests` itself sets what it has read
        response.url = str(request.url)
        return response

    def close(self) -> None:
        """Keep the streams: they are not of this client alone."""


class Client(docker.APIClient):
    """Asks an engine in one version of its API. Raises EngineError alone."""

    def __init__(self, streams: Streams, version: str) -> None:
        # Not APIClient's own constructor: it reads ~/.docker/config.json, whose HttpHeaders go out with every
        # request, whose credential helpers are programs, and which may be a FIFO or of any shape.
        requests.Session.__init__(self)
        self.trust_env = False  # no proxy and no .netrc
        self.adapters.clear()
        self.mount(f"{_BASE}/", _Adapter(streams))
        self.base_url = _BASE
        self.timeout = None  # type: ignore[assignment]  # the streams have a deadline
        self._version = version
        self._general_configs: dict[str, Any] = {}

    def _raise_for_status(self, response: requests.Response) -> None:
        if response.status_code != requests.codes.ok:
            raise Refusal(response.status_code, _explanation(response.content))

    def _result(self, response: requests.Response, json: bool = False, binary: bool = False) -> Any:  # noqa: ARG002 - the SDK's signature
        self._raise_for_status(response)
        return decode(response.content)


def _explanation(body: bytes) -> str:
    """Read the engine's own message, or what there is in place of it."""
    try:
        answer = decode(body)
    except BadAnswer:
        return one_line(body[:1000].decode(errors="backslashreplace")) if body.strip() else ""
    message = answer.get("message") if isinstance(answer, dict) else None
    return one_line(message) if isinstance(message, str) and message.strip() else ""


def api_version(answer: object) -> str:
    """Read the version of the API that an engine names in its `GET /version`. Raises BadAnswer."""
    version = answer.get("ApiVersion") if isinstance(answer, dict) else None
    match = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if match is None:
        raise BadAnswer("Docker's answer could not be parsed: it names no version of its API")
    if (int(match[1]), int(match[2])) < _LEAST_VERSION:
        raise BadAnswer(f"Docker's API version {match[0]} is older than 1.24, the oldest that is supported")
    return match[0]
