"""Client of the Docker SDK over dialled streams only, without the auditor's own Docker configuration."""

import re
from typing import Any

import docker
import requests
import requests.adapters

from olaudit.transport.engine.decoding import decode
from olaudit.transport.engine.errors import ErrorResponse, InvalidAnswer
from olaudit.transport.engine.http_streams import StreamPool
from olaudit.transport.reasons import single_line

_BASE_URL = "http://docker"
_MIN_VERSION = (1, 24)  # the oldest that the SDK itself supports
_VERSION = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})")


class _Adapter(requests.adapters.BaseAdapter):
    """Adapter that carries the SDK's requests. It does not send the SDK's headers, nor any data of the auditor."""

    def __init__(self, streams: StreamPool) -> None:
        super().__init__()
        self._streams = streams

    def send(self, request: requests.PreparedRequest, *_args: Any, **_kwargs: Any) -> requests.Response:
        """Send a read-only request and return the complete answer."""
        if request.method != "GET" or request.body:
            raise AssertionError(f"an audit sends no {request.method}")
        response = requests.Response()
        response.status_code, body = self._streams.get(request.path_url)
        response._content = body  # noqa: SLF001 - as the adapter of `requests` sets it
        response.url = str(request.url)
        return response

    def close(self) -> None:
        """Leave the streams open: other clients use them too."""


class EngineClient(docker.APIClient):
    """Client of an engine in one version of its API. Raises EngineError only."""

    def __init__(self, streams: StreamPool, version: str) -> None:
        # Not APIClient's own constructor, which reads ~/.docker/config.json: its HttpHeaders are sent with every
        # request, its credential helpers are programs, and the file may be a FIFO or malformed.
        requests.Session.__init__(self)
        self.trust_env = False  # no proxy and no .netrc
        self.adapters.clear()
        self.mount(f"{_BASE_URL}/", _Adapter(streams))
        self.base_url = _BASE_URL
        self.timeout = None  # type: ignore[assignment]  # the streams have a deadline
        self._version = version
        self._general_configs: dict[str, Any] = {}

    def _raise_for_status(self, response: requests.Response) -> None:
        if response.status_code != requests.codes.ok:
            raise ErrorResponse(response.status_code, _error_message(response.content))

    def _result(self, response: requests.Response, json: bool = False, binary: bool = False) -> Any:  # noqa: ARG002 - the SDK's signature
        self._raise_for_status(response)
        return decode(response.content)


def _error_message(body: bytes) -> str:
    """Parse the message of an engine's error response; the start of a body that is not JSON, else ""."""
    try:
        answer = decode(body)
    except InvalidAnswer:
        return single_line(body[:1000])
    message = answer.get("message") if isinstance(answer, dict) else None
    return single_line(message) if isinstance(message, str) else ""


def parse_api_version(answer: object) -> str:
    """Parse the API version in an engine's answer to `GET /version`. Raises InvalidAnswer."""
    version = answer.get("ApiVersion") if isinstance(answer, dict) else None
    match = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if match is None:
        raise InvalidAnswer("Docker's answer could not be parsed: it contains no API version")
    if (int(match[1]), int(match[2])) < _MIN_VERSION:
        raise InvalidAnswer(f"Docker's API version {match[0]} is older than 1.24, the oldest that is supported")
    return match[0]
