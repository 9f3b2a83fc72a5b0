"""Engine probes against an HTTP server that behaves like engines of several API versions and states."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from olaudit.facts.containers import FIELDS
from olaudit.model import Answer, Answered, ContainerFields, EngineProbe, EngineVersion, Probe, Unanswered
from olaudit.transport import Deadline
from olaudit.transport.engine import Dial, EngineUnreachable, ask_engine
from olaudit.transport.engine.decoding import MAX_CHARACTERS
from olaudit.transport.engine.errors import InvalidAnswer
from olaudit.transport.engine.reduction import select

CONTAINERS = ContainerFields(FIELDS)
BOTH = (EngineVersion(), CONTAINERS)
Routes = Callable[[str], tuple[int, Any]]


@contextmanager
def engine(routes: Routes) -> Iterator[Dial]:
    """Serve `routes` (path -> status and JSON) on loopback; yield a function that connects to the server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = routes(self.path)
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: object) -> None:
            """Suppress the log."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_args: object) -> None:
            """Suppress errors of clients that disconnect, which the tests do on purpose."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield lambda _: socket.create_connection(server.server_address[:2])  # type: ignore[arg-type]  # IPv4
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def ask(routes: Routes, *probes: EngineProbe, seconds: float = 5) -> dict[Probe, Answer]:
    with engine(routes) as dial:
        return ask_engine(probes, dial, Deadline.after(seconds), lambda: "")


def engine_of_version(api: str, containers: dict[str, Any]) -> Routes:
    """Build the routes of an engine that supports only API version `api`."""

    def routes(path: str) -> tuple[int, Any]:
        if path.endswith("/version"):
            return 200, {"Version": "99.1", "ApiVersion": api}
        if not path.startswith(f"/v{api}/"):
            return 400, {"message": f"client version 1.41 is too old. Minimum supported API version is {api}"}
        if "/containers/json" in path:
            assert "all=1" in path
            return 200, [{"Id": name, "Names": [f"/{name}"]} for name in containers]
        container = containers[path.split("/")[3]]
        return (200, container) if container is not None else (404, {"message": "No such container"})

    return routes


@pytest.mark.parametrize("api", ["1.38", "1.41", "1.44", "1.52"])
def test_engines_of_all_api_versions_answer(api: str) -> None:
    answers = ask(engine_of_version(api, {"b": {"Id": "b", "Name": "/b"}, "a": {"Id": "a", "Name": "/a"}}), *BOTH)
    version, containers = (answers[query] for query in BOTH)
    assert isinstance(version, Answered)
    assert json.loads(version.stdout) == {"Version": "99.1", "ApiVersion": api}
    assert isinstance(containers, Answered)
    assert [container["Name"] for container in json.loads(containers.stdout)] == ["/a", "/b"]


def test_containers_are_inspected_in_parallel() -> None:
    default_routes = engine_of_version(
        "1.41", {f"{n:02}": {"Id": f"{n:02}", "Name": f"/{n:02}"} for n in range(24)}
    )

    def slow(path: str) -> tuple[int, Any]:
        time.sleep(0.1)
        return default_routes(path)

    started = time.monotonic()
    answer = ask(slow, CONTAINERS)[CONTAINERS]
    assert isinstance(answer, Answered)
    assert len(json.loads(answer.stdout)) == 24
    assert time.monotonic() - started < 24 * 0.1


def description(name: str) -> dict[str, Any]:
    """Build the description of a container whose id equals its name."""
    return {"Id": name, "Name": f"/{name}"}


def list_containers(routes: Routes) -> list[dict[str, Any]]:
    answer = ask(routes, CONTAINERS)[CONTAINERS]
    assert isinstance(answer, Answered)
    listed: list[dict[str, Any]] = json.loads(answer.stdout)
    return listed


def test_container_removed_during_the_audit_is_omitted() -> None:
    default_routes = engine_of_version("1.41", {"removed": None, "a": description("a")})
    lists = iter([["removed", "a"], ["a"]])

    def routes(path: str) -> tuple[int, Any]:
        if "/containers/json" not in path:
            return default_routes(path)
        return 200, [{"Id": name, "Names": [f"/{name}"]} for name in next(lists)]

    assert [container["Name"] for container in list_containers(routes)] == ["/a"]


def test_container_replaced_during_the_audit_is_unreadable() -> None:
    ids = iter(["1", "2"])

    def routes(path: str) -> tuple[int, Any]:
        if "/containers/json" in path:
            return 200, [{"Id": next(ids), "Names": ["/web"]}]
        return 404, {"message": "No such container"}

    reason = "Docker lists it, but answers that it does not exist"
    assert list_containers(routes) == [{"Id": "1", "Name": "/web", "Unreadable": reason}]


NO_DESCRIPTION = "Docker's answer could not be parsed: no description of this container"


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (404, {"message": "gone"}, "Docker lists it, but answers that it does not exist"),
        (200, b"null", NO_DESCRIPTION),
        (200, {}, NO_DESCRIPTION),
        (200, [], NO_DESCRIPTION),
        (200, [description("web")], NO_DESCRIPTION),
        (200, description("other"), NO_DESCRIPTION),
        (200, {"Id": "web"}, "Docker's answer could not be parsed: it contains no name of the container"),
        (
            200,
            {"Id": "web", "Name": "/"},
            "Docker's answer could not be parsed: it contains no name of the container",
        ),
        (
            200,
            {"Id": "web", "Name": ["/web"]},
            "Docker's answer could not be parsed: it contains no name of the container",
        ),
        (200, b"", "Docker's answer could not be parsed as JSON: Expecting value: line 1 column 1 (char 0)"),
        (500, {"message": "broken"}, "Docker answered with HTTP status 500 (broken)"),
        (204, b"", "Docker answered with HTTP status 204"),
    ],
)
def test_listed_container_without_description_is_unreadable(status: int, body: Any, reason: str) -> None:
    default_routes = engine_of_version("1.41", {"a": description("a"), "web": description("web")})
    listed = list_containers(lambda path: (status, body) if "/web/" in path else default_routes(path))
    assert [(row["Name"], row.get("Unreadable")) for row in listed] == [("/a", None), ("/web", reason)]


NO_ID = "its row in Docker's list of containers has no valid id"
NO_NAME = "its row in Docker's list of containers has no name"


@pytest.mark.parametrize(
    ("rows", "unreadable"),
    [
        ([None], [("", "", NO_ID)]),
        ([[], "x", 7], [("", "", NO_ID)] * 3),
        ([{"Names": ["/a"]}], [("", "/a", NO_ID)]),
        ([{"Id": "../images/x", "Names": ["/a"]}], [("", "/a", NO_ID)]),
        (
            [{"Id": "a?all=1", "Names": ["/a"]}, {"Id": "", "Names": ["/b"]}],
            [("", "/a", NO_ID), ("", "/b", NO_ID)],
        ),
        ([{"Id": "a"}], [("a", "", NO_NAME)]),
        ([{"Id": "a", "Names": None}], [("a", "", NO_NAME)]),
        ([{"Id": "a", "Names": ["/web/a", "/", "a", 7]}], [("a", "", NO_NAME)]),
        (
            [{"Id": "a", "Names": ["/x"]}, {"Id": "b", "Names": ["/x"]}],
            [
                ("a", "/x", "Docker lists 2 containers with this name"),
                ("b", "/x", "Docker lists 2 containers with this name"),
            ],
        ),
        (
            [{"Id": "a", "Names": ["/x"]}, {"Id": "a", "Names": ["/y"]}],
            [
                ("a", "/x", "Docker lists 2 containers with this id"),
                ("a", "/y", "Docker lists 2 containers with this id"),
            ],
        ),
    ],
)
def test_invalid_row_of_the_listing_is_unreadable(rows: list[Any], unreadable: list[tuple[str, str, str]]) -> None:
    default_routes = engine_of_version("1.41", {"good": description("good")})
    answer = [*rows, {"Id": "good", "Names": ["/web/alias", "/good"]}]
    listed = list_containers(lambda path: (200, answer) if "/containers/json" in path else default_routes(path))
    assert [row["Name"] for row in listed if "Unreadable" not in row] == ["/good"]
    reasons = [(row["Id"], row["Name"], row["Unreadable"]) for row in listed if "Unreadable" in row]
    assert sorted(reasons) == sorted(unreadable)


def test_two_containers_with_one_name_are_unreadable() -> None:
    default_routes = engine_of_version("1.41", {"a": description("a"), "b": {"Id": "b", "Name": "/a"}})
    assert [row.get("Unreadable") for row in list_containers(default_routes)] == [
        "Docker lists 2 containers with this name"
    ] * 2


def test_too_many_containers_are_unanswered() -> None:
    rows = [{"Id": str(n), "Names": [f"/{n}"]} for n in range(1001)]
    answer = ask(lambda _: (200, rows), CONTAINERS)[CONTAINERS]
    assert answer == Unanswered("Docker lists 1,001 containers, more than the 1,000 that are supported")


def test_hanging_engine_is_reported() -> None:
    release = threading.Event()

    def hang(_path: str) -> tuple[int, Any]:
        release.wait(10)
        return 200, {}

    try:
        answers = ask(hang, *BOTH, seconds=1)
    finally:
        release.set()
    for query in BOTH:
        assert answers[query] == Unanswered(
            "Docker gave no answer within 1 s "
            "(a running `docker builder prune` blocks every other command for that long and longer)"
        )


def test_error_response_is_reported_with_its_message() -> None:
    answer = ask(lambda _: (500, {"message": "out of\ncheese"}), CONTAINERS)[CONTAINERS]
    assert isinstance(answer, Unanswered)
    assert answer.reason.startswith("Docker answered with HTTP status 500 (")
    assert answer.reason.endswith("(out of cheese)")


def test_answer_that_is_not_json_is_unanswered() -> None:
    answer = ask(lambda _: (200, b"<html>"), EngineVersion())[EngineVersion()]
    assert isinstance(answer, Unanswered)
    assert answer.reason.startswith("Docker's answer could not be parsed")


@pytest.mark.parametrize("body", [b"{}", b'"x"', b"null"])
def test_json_of_another_shape_is_unanswered(body: bytes) -> None:
    answer = ask(lambda _: (200, body), CONTAINERS)[CONTAINERS]
    assert isinstance(answer, Unanswered)
    assert answer.reason.startswith("Docker's answer could not be parsed")


def test_engine_without_a_usable_api_version_is_unanswered() -> None:
    def routes(path: str) -> tuple[int, Any]:
        return (200, {}) if path.endswith("/version") else (400, {"message": "client version 1.41 is too old"})

    assert isinstance(ask(routes, CONTAINERS)[CONTAINERS], Unanswered)


def test_broken_stream_is_explained_by_the_host_if_it_can() -> None:
    def dial(_deadline: Deadline) -> socket.socket:
        connection, peer = socket.socketpair()
        peer.close()
        return connection

    for explanation, reason in (("no docker group", "no docker group"), ("", "the stream to Docker broke: ")):
        query = EngineVersion()
        answer = ask_engine((query,), dial, Deadline.after(5), partial(str, explanation))[query]
        assert isinstance(answer, Unanswered)
        assert answer.reason.startswith(reason)


def test_unreachable_engine_is_unanswered_for_that_reason() -> None:
    def dial(_deadline: Deadline) -> socket.socket:
        raise EngineUnreachable("no engine")

    assert ask_engine(BOTH, dial, Deadline.after(5), lambda: "unused") == dict.fromkeys(
        BOTH, Unanswered("no engine")
    )


def test_environment_and_foreign_labels_are_removed() -> None:
    reduced = select(
        {
            "Id": "1",
            "Name": "/openlibrary-web-1",
            "Path": "/secret",
            "State": {
                "Status": "running",
                "Health": {"Status": "healthy", "Log": ["secret"]},
                "Pid": 1,
                "X": "secret",
            },
            "Config": {
                "Hostname": "h",
                "Env": ["PASSWORD=secret"],
                "Cmd": ["secret"],
                "Labels": {"com.docker.compose.service": "web", "traefik.auth": "secret"},
            },
            "HostConfig": {"RestartPolicy": {"Name": "always"}, "Binds": ["secret"]},
            "Mounts": [{"Type": "bind", "Source": "/a", "Destination": "/b", "Propagation": "secret"}],
        },
        FIELDS,
    )
    assert "secret" not in json.dumps(reduced)
    assert reduced == {
        "Id": "1",
        "Name": "/openlibrary-web-1",
        "State": {"Status": "running", "Pid": 1, "Health": {"Status": "healthy"}},
        "Config": {"Hostname": "h", "Labels": {"com.docker.compose.service": "web"}},
        "HostConfig": {"RestartPolicy": {"Name": "always"}},
        "Mounts": [{"Type": "bind", "Source": "/a", "Destination": "/b"}],
    }


@pytest.mark.parametrize("value", [None, 3, "x"])
def test_values_of_another_shape_are_left_out(value: Any) -> None:
    assert select(dict.fromkeys(("State", "Config", "HostConfig", "Mounts"), value), FIELDS) == {}
    assert select({"State": {"Health": value}, "Config": {"Labels": value}}, FIELDS) == {"State": {}, "Config": {}}


def test_an_item_of_another_shape_keeps_its_place() -> None:
    assert select({"Mounts": [3, {"RW": True, "X": 1}]}, FIELDS) == {"Mounts": [{}, {"RW": True}]}


def test_keys_that_an_engine_omits_stay_absent() -> None:
    assert select({}, FIELDS) == {}
    assert select({"Config": {"Labels": {}}}, FIELDS) == {"Config": {"Labels": {}}}


def test_an_overlong_text_is_invalid_only_in_a_field() -> None:
    overlong = "x" * (MAX_CHARACTERS + 1)
    assert select({"Id": "1", "Path": overlong}, ("Id",)) == {"Id": "1"}
    with pytest.raises(InvalidAnswer, match="a text of more than"):
        select({"Id": overlong}, ("Id",))
