"""Against a real HTTP server that behaves as engines of several ages and states do."""

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

from olaudit.model import Answer, Answered, EngineProbe, EngineQuery, Probe, Unanswered
from olaudit.transport import Deadline
from olaudit.transport.engine import Dial, NoEngine, ask_engine
from olaudit.transport.engine.reduction import reduced

BOTH = (EngineQuery.VERSION, EngineQuery.CONTAINERS)
Routes = Callable[[str], tuple[int, Any]]


@contextmanager
def engine(routes: Routes) -> Iterator[Dial]:
    """Serve `routes` (path -> status and JSON) on loopback; yields what dials it."""

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
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_args: object) -> None:
            """Say nothing of clients that went away: they do so on purpose here."""

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


def ask(routes: Routes, *wanted: EngineProbe, seconds: float = 5) -> dict[Probe, Answer]:
    with engine(routes) as dial:
        return ask_engine(wanted, dial, Deadline.after(seconds), lambda: "")


def of_version(api: str, containers: dict[str, Any]) -> Routes:
    """Answer as an engine that understands API version `api` alone."""

    def routes(path: str) -> tuple[int, Any]:
        if path.endswith("/version"):
            return 200, {"Version": "99.1", "ApiVersion": api}
        if not path.startswith(f"/v{api}/"):
            return 400, {"message": f"client version 1.41 is too old. Minimum supported API version is {api}"}
        if "/containers/json" in path:
            assert "all=1" in path
            return 200, [{"Id": one, "Names": [f"/{one}"]} for one in containers]
        one = containers[path.split("/")[3]]
        return (200, one) if one is not None else (404, {"message": "No such container"})

    return routes


@pytest.mark.parametrize("api", ["1.38", "1.41", "1.44", "1.52"])
def test_engines_of_every_age_answer(api: str) -> None:
    answers = ask(of_version(api, {"b": {"Id": "b", "Name": "/b"}, "a": {"Id": "a", "Name": "/a"}}), *BOTH)
    version, containers = (answers[question] for question in BOTH)
    assert isinstance(version, Answered)
    assert json.loads(version.stdout) == {"Version": "99.1", "ApiVersion": api}
    assert isinstance(containers, Answered)
    assert [one["Name"] for one in json.loads(containers.stdout)] == ["/a", "/b"]


def test_many_containers_are_asked_in_parallel() -> None:
    plain = of_version("1.41", {f"{n:02}": {"Id": f"{n:02}", "Name": f"/{n:02}"} for n in range(24)})

    def slow(path: str) -> tuple[int, Any]:
        time.sleep(0.1)
        return plain(path)

    started = time.monotonic()
    answer = ask(slow, EngineQuery.CONTAINERS)[EngineQuery.CONTAINERS]
    assert isinstance(answer, Answered)
    assert len(json.loads(answer.stdout)) == 24
    assert time.monotonic() - started < 24 * 0.1


def described(name: str) -> dict[str, Any]:
    """Describe a container of which nothing is known but its id and its name, which are alike."""
    return {"Id": name, "Name": f"/{name}"}


def containers(routes: Routes) -> list[dict[str, Any]]:
    answer = ask(routes, EngineQuery.CONTAINERS)[EngineQuery.CONTAINERS]
    assert isinstance(answer, Answered)
    found: list[dict[str, Any]] = json.loads(answer.stdout)
    return found


def test_a_container_that_went_away_meanwhile_is_not_there() -> None:
    plain = of_version("1.41", {"gone": None, "a": described("a")})
    lists = iter([["gone", "a"], ["a"]])

    def routes(path: str) -> tuple[int, Any]:
        if "/containers/json" not in path:
            return plain(path)
        return 200, [{"Id": name, "Names": [f"/{name}"]} for name in next(lists)]

    assert [one["Name"] for one in containers(routes)] == ["/a"]


def test_a_container_that_was_replaced_meanwhile_is_unreadable() -> None:
    ids = iter(["1", "2"])

    def routes(path: str) -> tuple[int, Any]:
        if "/containers/json" in path:
            return 200, [{"Id": next(ids), "Names": ["/web"]}]
        return 404, {"message": "No such container"}

    reason = "Docker lists it, and answers that there is no such container"
    assert containers(routes) == [{"Id": "1", "Name": "/web", "Unreadable": reason}]


NO_DESCRIPTION = "Docker's answer could not be parsed: no description of this container"


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (404, {"message": "gone"}, "Docker lists it, and answers that there is no such container"),
        (200, b"null", NO_DESCRIPTION),
        (200, {}, NO_DESCRIPTION),
        (200, [], NO_DESCRIPTION),
        (200, [described("web")], NO_DESCRIPTION),
        (200, described("other"), NO_DESCRIPTION),
        (200, {"Id": "web"}, "Docker's answer could not be parsed: it does not name the container"),
        (200, {"Id": "web", "Name": "/"}, "Docker's answer could not be parsed: it does not name the container"),
        (
            200,
            {"Id": "web", "Name": ["/web"]},
            "Docker's answer could not be parsed: it does not name the container",
        ),
        (200, b"", "Docker's answer could not be parsed as JSON: Expecting value: line 1 column 1 (char 0)"),
        (500, {"message": "broken"}, "Docker refused to answer: 500 (broken)"),
        (204, b"", "Docker refused to answer: 204"),
    ],
)
def test_a_listed_container_that_is_not_described_stays(status: int, body: Any, reason: str) -> None:
    plain = of_version("1.41", {"a": described("a"), "web": described("web")})
    found = containers(lambda path: (status, body) if "/web/" in path else plain(path))
    assert [(one["Name"], one.get("Unreadable")) for one in found] == [("/a", None), ("/web", reason)]


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
            [("a", "/x", "Docker names 2 containers so"), ("b", "/x", "Docker names 2 containers so")],
        ),
        (
            [{"Id": "a", "Names": ["/x"]}, {"Id": "a", "Names": ["/y"]}],
            [
                ("a", "/x", "Docker lists 2 containers of its id"),
                ("a", "/y", "Docker lists 2 containers of its id"),
            ],
        ),
    ],
)
def test_a_row_that_cannot_be_read_stays(rows: list[Any], unreadable: list[tuple[str, str, str]]) -> None:
    plain = of_version("1.41", {"good": described("good")})
    listed = [*rows, {"Id": "good", "Names": ["/web/alias", "/good"]}]
    found = containers(lambda path: (200, listed) if "/containers/json" in path else plain(path))
    assert [one["Name"] for one in found if "Unreadable" not in one] == ["/good"]
    kept = [(one["Id"], one["Name"], one["Unreadable"]) for one in found if "Unreadable" in one]
    assert sorted(kept) == sorted(unreadable)


def test_two_descriptions_of_one_name_are_unreadable() -> None:
    plain = of_version("1.41", {"a": described("a"), "b": {"Id": "b", "Name": "/a"}})
    assert [one.get("Unreadable") for one in containers(plain)] == ["Docker names 2 containers so"] * 2


def test_too_many_containers_are_unanswered() -> None:
    rows = [{"Id": str(n), "Names": [f"/{n}"]} for n in range(1001)]
    answer = ask(lambda _: (200, rows), EngineQuery.CONTAINERS)[EngineQuery.CONTAINERS]
    assert answer == Unanswered("Docker lists 1,001 containers, more than the 1,000 that are read")


def test_an_engine_that_hangs_is_told_as_one() -> None:
    release = threading.Event()

    def hang(_path: str) -> tuple[int, Any]:
        release.wait(10)
        return 200, {}

    try:
        answers = ask(hang, *BOTH, seconds=1)
    finally:
        release.set()
    for question in BOTH:
        assert answers[question] == Unanswered(
            "Docker gave no answer within 1 s "
            "(a running `docker builder prune` blocks every other command for that long and longer)"
        )


def test_an_engine_that_refuses_says_why() -> None:
    answer = ask(lambda _: (500, {"message": "out of\ncheese"}), EngineQuery.CONTAINERS)[EngineQuery.CONTAINERS]
    assert isinstance(answer, Unanswered)
    assert answer.reason.startswith("Docker refused to answer: 500 (")
    assert answer.reason.endswith("(out of cheese)")


def test_what_is_not_json_is_unanswered() -> None:
    answer = ask(lambda _: (200, b"<html>"), EngineQuery.VERSION)[EngineQuery.VERSION]
    assert isinstance(answer, Unanswered)
    assert answer.reason.startswith("Docker's answer could not be parsed")


@pytest.mark.parametrize("body", [b"{}", b'"x"', b"null"])
def test_json_of_another_shape_is_unanswered(body: bytes) -> None:
    answer = ask(lambda _: (200, body), EngineQuery.CONTAINERS)[EngineQuery.CONTAINERS]
    assert isinstance(answer, Unanswered)
    assert answer.reason.startswith("Docker's answer could not be parsed")


def test_an_engine_that_names_no_version_it_would_take_is_unanswered() -> None:
    def routes(path: str) -> tuple[int, Any]:
        return (200, {}) if path.endswith("/version") else (400, {"message": "client version 1.41 is too old"})

    assert isinstance(ask(routes, EngineQuery.CONTAINERS)[EngineQuery.CONTAINERS], Unanswered)


def test_a_stream_that_breaks_is_explained_by_the_host_where_it_says_something() -> None:
    def dial(_deadline: Deadline) -> socket.socket:
        here, there = socket.socketpair()
        there.close()
        return here

    for said, reason in (("no docker group", "no docker group"), ("", "the stream to Docker broke: ")):
        query = EngineQuery.VERSION
        answer = ask_engine((query,), dial, Deadline.after(5), partial(str, said))[query]
        assert isinstance(answer, Unanswered)
        assert answer.reason.startswith(reason)


def test_an_engine_that_cannot_be_dialled_is_unanswered_for_that_reason() -> None:
    def dial(_deadline: Deadline) -> socket.socket:
        raise NoEngine("there is none")

    assert ask_engine(BOTH, dial, Deadline.after(5), lambda: "unused") == dict.fromkeys(
        BOTH, Unanswered("there is none")
    )


def test_the_environment_and_foreign_labels_of_a_container_stay_outside() -> None:
    kept = reduced(
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
        }
    )
    assert "secret" not in json.dumps(kept)
    assert kept == {
        "Id": "1",
        "Name": "/openlibrary-web-1",
        "State": {"Status": "running", "Pid": 1, "Health": {"Status": "healthy"}},
        "Config": {"Hostname": "h", "Labels": {"com.docker.compose.service": "web"}},
        "HostConfig": {"RestartPolicy": {"Name": "always"}},
        "Mounts": [{"Type": "bind", "Source": "/a", "Destination": "/b"}],
    }


@pytest.mark.parametrize("nonsense", [None, 3, "x", [1], {"Labels": 3, "Health": "x"}])
def test_an_inspect_of_another_shape_is_reduced_to_nothing(nonsense: Any) -> None:
    kept = reduced(dict.fromkeys(("State", "Config", "HostConfig", "Mounts"), nonsense))
    assert all(part in ({}, [{}], {"Labels": {}}) for part in kept.values())


def test_what_an_engine_leaves_out_stays_out() -> None:
    assert reduced({}) == {"State": {}, "Config": {}, "HostConfig": {}}
    assert reduced({"Config": {"Labels": None}})["Config"] == {"Labels": {}}
