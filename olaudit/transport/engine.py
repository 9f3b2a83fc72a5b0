"""Questions to a host's Docker Engine: the Docker SDK's APIClient over any stream that a transport opens.

Never the SDK's own `ssh://`, which connects anew for every URL and under a host-key policy that callers
cannot set. What containers carry in their environment (passwords, mostly) is dropped here, at the door.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import docker
import docker.errors
import requests
import requests.adapters
import urllib3

from olaudit.model import (
    Answer,
    Answered,
    ContainerChanges,
    Engine,
    EngineProbe,
    ImageLayers,
    Probe,
    Unanswered,
)

if TYPE_CHECKING:
    from olaudit.transport import Deadline

ENGINE_SECONDS = 15.0
"""How long one answer of an engine may take. A `docker builder prune` blocks an engine for 10-50 minutes."""

_STREAMS = 8
_FIRST_TRY = "1.41"
"""Understood by Docker 20.10 to 28. Others refuse it, and are then asked in the version they name."""

_CONTAINER = ("Id", "Name", "Image", "Created", "RestartCount")
_KEPT: dict[str, tuple[str, ...]] = {
    "State": (
        "Status",
        "Running",
        "Paused",
        "Restarting",
        "OOMKilled",
        "ExitCode",
        "Error",
        "Pid",
        "StartedAt",
        "FinishedAt",
    ),
    "Config": ("Hostname", "Image"),
    "HostConfig": ("RestartPolicy", "PortBindings", "LogConfig", "NetworkMode"),
}
_MOUNT = ("Type", "Name", "Source", "Destination", "Mode", "RW")
_LABELS = "com.docker.compose."

Dial = Callable[[], Any]
"""Opens one byte stream to the engine: a connected socket, or whatever behaves as one."""


class NoEngine(Exception):  # noqa: N818 - becomes an Unanswered, is never shown as an error
    """The engine could not be reached; the text is one line that says why and how to mend it."""


def ask_engine(
    wanted: Sequence[EngineProbe], dial: Dial, deadline: Deadline, explain: Callable[[], str]
) -> dict[Probe, Answer]:
    """Ask the engine behind `dial` all `wanted` questions at once.

    `explain` is called after a failure, for what the host said about it ("" if nothing).
    """
    asking = _Asking(dial, min(ENGINE_SECONDS, deadline.left()))
    with ThreadPoolExecutor(_STREAMS) as pool:
        futures = {question: pool.submit(asking.ask, question, pool) for question in wanted}
        return {question: _settle(future, asking.seconds, explain) for question, future in futures.items()}


def _settle(future: Future[str], seconds: float, explain: Callable[[], str]) -> Answer:
    """Turn every way in which an engine can fail to answer into a reason."""
    try:
        return Answered(future.result())
    except NoEngine as error:
        return Unanswered(str(error))
    except requests.exceptions.Timeout:
        return Unanswered(
            f"Docker gave no answer within {seconds:.2g} s "
            "(a running `docker builder prune` blocks every other command for that long and longer)"
        )
    except (docker.errors.APIError, docker.errors.DockerException) as error:
        return Unanswered(f"Docker refused to answer: {_one_line(error)}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Unanswered(f"Docker's answer makes no sense: {_one_line(error)}")
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError, EOFError) as error:
        return Unanswered(explain() or f"the stream to Docker broke: {_one_line(error)}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


class _Asking:
    """The questions themselves; each method runs in a thread of its own."""

    def __init__(self, dial: Dial, seconds: float) -> None:
        self._adapter = _Adapter(dial)
        self.seconds = seconds

    def ask(self, question: EngineProbe, pool: ThreadPoolExecutor) -> str:
        """Ask one question, and give its answer as JSON."""
        match question:
            case Engine.VERSION:
                return self.version()
            case Engine.CONTAINERS:
                return self.containers(pool)
            case ImageLayers(image):
                return self.layers(image)
            case ContainerChanges(paths):
                return self.changes(paths, pool)

    def version(self) -> str:
        """Ask `GET /version`, which every engine answers whatever version it is asked in."""
        return json.dumps(self._client(_FIRST_TRY).version(api_version=False))

    def containers(self, pool: ThreadPoolExecutor) -> str:
        """List all containers, then inspect each, in parallel."""
        client, listed = self._list(everything=True)
        inspected = pool.map(lambda one: self._inspect(client, str(one["Id"])), listed)
        found = [reduced(one) for one in inspected if one]
        return json.dumps(sorted(found, key=lambda one: str(one.get("Name"))))

    def layers(self, image: str) -> str:
        """Ask for the layers of an image; an image that is not there has none."""
        client, _ = self._list(everything=False)
        try:
            inspected = client.inspect_image(image)  # type: ignore[no-untyped-call]  # by the stubs
            return json.dumps(inspected["RootFS"]["Layers"])
        except docker.errors.ImageNotFound:
            return "[]"

    def changes(self, paths: tuple[str, ...], pool: ThreadPoolExecutor) -> str:
        """Ask what was changed inside the running containers, and keep what lies below `paths`."""
        client, listed = self._list(everything=False)
        changed = pool.map(lambda one: self._diff(client, str(one["Id"])), listed)
        below = tuple(f"{path}/" for path in paths)
        return json.dumps(
            {
                str(one["Names"][0]).removeprefix("/"): [
                    {"Path": str(change["Path"]), "Kind": int(change["Kind"])}
                    for change in changes
                    if str(change["Path"]).startswith(below)
                ]
                for one, changes in zip(listed, changed, strict=True)
                if changes is not None
            }
        )

    def _list(self, *, everything: bool) -> tuple[docker.APIClient, list[dict[str, Any]]]:
        """List containers, and give the client in the version that the engine understood."""
        client = self._client(_FIRST_TRY)
        try:
            listed = client.containers(all=everything)
        except docker.errors.APIError as error:
            if "version" not in str(error.explanation):
                raise
            client = self._client(str(client.version(api_version=False)["ApiVersion"]))
            listed = client.containers(all=everything)
        if not isinstance(listed, list):
            raise TypeError("not a list of containers")
        return client, listed

    def _diff(self, client: docker.APIClient, container: str) -> list[dict[str, Any]] | None:
        try:
            return client.diff(container) or []
        except docker.errors.NotFound:  # it went away meanwhile: nothing is known of it, not that nothing changed
            return None

    def _inspect(self, client: docker.APIClient, container: str) -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = client.inspect_container(container)
        except docker.errors.NotFound:  # it went away between the list and now, so it is not there
            return None
        return answer

    def _client(self, version: str) -> docker.APIClient:
        client = docker.APIClient("http://docker:80", version=version, timeout=self.seconds)  # type: ignore[arg-type]  # seconds may be a fraction; the stubs say int
        client.trust_env = False  # no proxy and no .netrc of the auditor's applies to this stream
        client.mount("http://docker:80", self._adapter)
        return client


def reduced(inspect: dict[str, Any]) -> dict[str, Any]:
    """Keep of `GET /containers/ID/json` only what checks may see."""
    kept = _only(inspect, _CONTAINER)
    for part, keys in _KEPT.items():
        kept[part] = _only(inspect.get(part), keys)
    health = _dict(_dict(inspect.get("State")).get("Health"))
    if "Status" in health:
        kept["State"]["Health"] = {"Status": health["Status"]}
    # A key that the engine left out stays out: "says nothing of mounts" is not "has no mounts"
    if "Labels" in _dict(inspect.get("Config")):
        labels = _dict(inspect["Config"]["Labels"])
        kept["Config"]["Labels"] = {key: value for key, value in labels.items() if key.startswith(_LABELS)}
    if isinstance(mounts := inspect.get("Mounts"), list):
        kept["Mounts"] = [_only(mount, _MOUNT) for mount in mounts]
    return kept


def _only(whole: Any, keys: Iterable[str]) -> dict[str, Any]:
    return {key: _dict(whole)[key] for key in keys if key in _dict(whole)}


def _dict(value: Any) -> dict[str, Any]:
    """Take anything else for empty: an engine may send null, or nonsense."""
    return value if isinstance(value, dict) else {}


class _Connection(urllib3.connection.HTTPConnection):
    """An HTTP connection over a stream that is dialled, not resolved."""

    def __init__(self, *args: Any, dial: Dial, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._dial = dial

    def connect(self) -> None:
        """Dial. The timeout of the request holds for reading the answer too."""
        self.sock = self._dial()
        self.sock.settimeout(self.timeout)

    @property
    def is_connected(self) -> bool:
        """Asked before a stream is used again; a channel has no descriptor that could be polled."""
        return self.sock is not None


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _Adapter(requests.adapters.HTTPAdapter):
    """Carries the SDK's requests over dialled streams."""

    def __init__(self, dial: Dial) -> None:
        super().__init__()
        self._streams = _Pool("docker", maxsize=_STREAMS, block=True, retries=False, dial=dial)

    def get_connection_with_tls_context(self, *_args: Any, **_kwargs: Any) -> _Pool:
        """Give the one pool there is, whatever the URL."""
        return self._streams

    def close(self) -> None:
        """Close the streams."""
        self._streams.close()
        super().close()
