"""Hostile Docker Engines: the content of their answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.faults.engines import Behaviour, Request, engine
from tests.faults.hosts import ENGINE
from tests.faults.peers import hold
from tests.faults.row import ExpectedFinding, ExpectedOutcome, Inject, Kind, Row
from tests.faults.scene import CONTAINER


def _row(id_: str, title: str, expect: ExpectedOutcome, inject: Inject, **more: Any) -> Row:
    return Row(id_, title, Kind.ENGINE_BEHIND_SSHD, expect, inject, role="engine", **{"run": "contents", **more})


def _unknown(text: str, check: str = "docker.engine") -> ExpectedFinding:
    return ExpectedFinding(check, "unknown", text, ENGINE)


def _replies(body: bytes | str, *headers: str, status: str = "200 OK") -> Behaviour:
    return lambda request: request.reply(body, *headers, status=status)


_OTHER_ID = "f" * 64


def _lists_containers(content: Any) -> Behaviour:
    """Answer the list of containers with `content` and all other requests normally."""

    def behave(request: Request) -> None:
        if request.targets("/containers/json"):
            request.reply(content if isinstance(content, str | bytes) else json.dumps(content))
        else:
            request.reply_normally()

    return behave


def _inspects_container(answer: Callable[[Request], None]) -> Behaviour:
    def behave(request: Request) -> None:
        if request.is_inspect and request.targets("/containers/"):
            answer(request)
        else:
            request.reply_normally()

    return behave


def _changed(**changes: Any) -> Behaviour:
    return _inspects_container(lambda request: request.json({**request.containers[0], **changes}))


def _listed(**changes: Any) -> dict[str, Any]:
    return {"Id": _OTHER_ID, "Names": [f"/{CONTAINER}"], "Labels": {}, "State": "running", **changes}


def _refuses_versions(request: Request) -> None:
    if request.targets("/version"):
        request.json({"Version": "99", "ApiVersion": "9.99", "MinAPIVersion": "9.99"})
    else:
        message = "client version 9.99 is too new. Maximum supported API version is 9.98"
        request.json({"message": message}, "400 Bad Request")


def _many(request: Request) -> None:
    if request.targets("/containers/json"):
        request.json([_listed(Id=f"{number:064x}", Names=[f"/c{number}"]) for number in range(100_000)])
    elif request.is_inspect and request.targets("/containers/"):
        request.json(None)
    else:
        request.reply_normally()


_DEEP = "[" * 200_000 + "]" * 200_000
_SECRET = json.dumps({"message": "\ud800\x1b[2J password=hunter2"})
_CONTAINERS = "container.missing"
_STATE = "container.state"


def _twins(request: Request) -> None:
    first = request.containers[0]
    if request.targets("/containers/json"):
        request.json([_listed(Id=first["Id"]), _listed()])
    elif request.is_inspect and request.targets(f"/containers/{_OTHER_ID}"):
        request.json({**first, "Id": _OTHER_ID})
    else:
        request.reply_normally()


ROWS: tuple[Row, ...] = (
    _row(
        "engine-html",
        "The engine answers with HTML",
        _unknown("could not be parsed as JSON"),
        engine(_replies("<html>502 Bad Gateway</html>")),
    ),
    _row(
        "engine-error",
        "The engine answers each request with an error that contains a surrogate and escapes",
        _unknown("password=[redacted]"),
        engine(_replies(_SECRET, status="500 Internal Server Error")),
    ),
    _row(
        "engine-forbidden",
        "An authorization plugin refuses each request",
        _unknown("denied by plugin"),
        engine(_replies('{"message": "authorization denied by plugin"}', status="403 Forbidden")),
    ),
    _row(
        "engine-json-deep",
        "The engine answers with JSON of 200,000 levels",
        _unknown("values"),
        engine(_replies(_DEEP)),
    ),
    _row(
        "engine-json-number",
        "The engine answers with a number of 100,000 digits",
        _unknown("could not be parsed as JSON"),
        engine(_replies("9" * 100_000)),
    ),
    _row(
        "engine-json-broken",
        "The engine answers with half a JSON document",
        _unknown("could not be parsed as JSON"),
        engine(_replies('{"Version": "2')),
    ),
    _row(
        "engine-json-utf-16",
        "The engine answers in UTF-16",
        _unknown("could not be parsed as JSON"),
        engine(_replies('{"Version": 1}'.encode("utf-16"))),
    ),
    _row(
        "engine-json-null",
        "The engine answers each request with null",
        _unknown("it contains no version"),
        engine(_replies("null")),
    ),
    _row(
        "engine-versions",
        "The engine refuses every API version",
        ExpectedFinding(_CONTAINERS, "unknown", "version", ENGINE),
        engine(_refuses_versions),
    ),
    _row(
        "containers-null",
        "The list of containers is null",
        ExpectedFinding(_CONTAINERS, "unknown", "no list of containers", ENGINE),
        engine(_lists_containers(None)),
    ),
    _row(
        "containers-object",
        "The list of containers is an object",
        ExpectedFinding(_CONTAINERS, "unknown", "no list of containers", ENGINE),
        engine(_lists_containers({})),
    ),
    _row(
        "containers-odd",
        "The list of containers contains numbers and null",
        ExpectedFinding(_CONTAINERS, "unknown", "(no name)", ENGINE),
        engine(_lists_containers([1, None, "x", []])),
    ),
    _row(
        "containers-deep",
        "The list of containers has 200,000 levels",
        ExpectedFinding(_CONTAINERS, "unknown", "values", ENGINE),
        engine(_lists_containers(_DEEP)),
    ),
    _row(
        "containers-many",
        "The engine lists 100,000 containers",
        ExpectedFinding(_CONTAINERS, "unknown", "larger than 4 MiB", ENGINE),
        engine(_many),
        run="bombs",
        slow=True,
    ),
    _row(
        "container-null",
        "The description of a listed container is null",
        ExpectedFinding(_CONTAINERS, "unknown", "no description of this container", ENGINE),
        engine(_inspects_container(lambda request: request.json(None))),
    ),
    _row(
        "container-empty",
        "The description of a listed container is {}",
        ExpectedFinding(_CONTAINERS, "unknown", "no description of this container", ENGINE),
        engine(_inspects_container(lambda request: request.json({}))),
    ),
    _row(
        "container-gone",
        "A listed container is not found",
        ExpectedFinding(_CONTAINERS, "unknown", "answers that it does not exist", ENGINE),
        engine(
            _inspects_container(lambda request: request.json({"message": "No such container"}, "404 Not Found"))
        ),
    ),
    _row(
        "container-silent",
        "The description of a listed container never arrives",
        ExpectedFinding(_CONTAINERS, "unknown", "no answer within", ENGINE),
        engine(_inspects_container(lambda request: hold(request.connection))),
    ),
    _row(
        "container-other",
        "The description of a listed container is that of another",
        ExpectedFinding(_CONTAINERS, "unknown", "no description of this container", ENGINE),
        engine(_changed(Id=_OTHER_ID, Name="/other")),
    ),
    _row(
        "container-state-odd",
        "The state of a container is a list",
        ExpectedFinding(_STATE, "unknown", "no valid state", ENGINE),
        engine(_changed(State=[])),
    ),
    _row(
        "container-name-surrogate",
        "The name of a container is a lone surrogate",
        ExpectedFinding("container.name", "drift", "\\ud800", ENGINE),
        engine(_changed(Name="/\ud800")),
    ),
    _row(
        "containers-twins",
        "Two containers have the same name",
        ExpectedFinding(_CONTAINERS, "unknown", "lists 2 containers with this name", ENGINE),
        engine(_twins),
    ),
)
