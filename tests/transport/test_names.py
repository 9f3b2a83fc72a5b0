"""Names through the real resolver of this machine, and through ones that hang or fail."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest

from olaudit.model import Answered, Lookup, Unanswered
from olaudit.transport import Deadline, names
from olaudit.transport.local import LocalTransport
from olaudit.transport.names import look_up

LOCALHOST = Lookup("localhost")
NOTHING = Answered(json.dumps({"addresses": [], "names": {}}))


def said(answer: Any) -> dict[str, Any]:
    assert isinstance(answer, Answered), answer
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


@pytest.fixture
def hung() -> Iterator[threading.Event]:
    """An event on which a resolver hangs until the test is over."""
    event = threading.Event()
    yield event
    event.set()


def test_a_name_is_resolved_there_and_back() -> None:
    found = said(look_up((LOCALHOST,), Deadline.after(10))[LOCALHOST])
    assert set(found["addresses"]) & {"127.0.0.1", "::1"}
    assert set(found["names"]) == set(found["addresses"])
    assert any("localhost" in back for back in found["names"].values())


def test_an_address_is_a_name_of_its_own() -> None:
    one = Lookup("127.0.0.1")
    assert said(look_up((one,), Deadline.after(10))[one])["addresses"] == ["127.0.0.1"]


def test_a_name_that_does_not_resolve_has_no_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    one = Lookup("ol-mem3.invalid")
    try:
        socket.getaddrinfo(one.name, None)
    except socket.gaierror as error:
        if error.errno != socket.EAI_NONAME:  # a machine without a network cannot say that there is none
            monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert look_up((one,), Deadline.after(10))[one] == NOTHING


def test_a_resolver_that_fails_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", failing)
    reason = "the auditor's resolver failed for localhost: Temporary failure in name resolution"
    assert look_up((LOCALHOST,), Deadline.after(10))[LOCALHOST] == Unanswered(reason)


@pytest.mark.parametrize("name", ["x" * 64 + ".org", "a..b", "\udcff", "a\0b"])
def test_what_cannot_be_a_name_is_no_error(name: str) -> None:
    answer = look_up((Lookup(name),), Deadline.after(10))[Lookup(name)]
    assert answer == NOTHING or isinstance(answer, Unanswered)


def test_an_address_that_leads_back_to_nobody_has_no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_address: str) -> NoReturn:
        raise socket.herror(1, "Unknown host")

    monkeypatch.setattr(socket, "gethostbyaddr", nobody)
    found = said(look_up((LOCALHOST,), Deadline.after(10))[LOCALHOST])
    assert found["addresses"]
    assert set(map(tuple, found["names"].values())) == {()}


def test_all_names_of_an_address_are_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostbyaddr", lambda _: ("b", ["a", "b"], []))
    found = said(look_up((LOCALHOST,), Deadline.after(10))[LOCALHOST])
    assert set(map(tuple, found["names"].values())) == {("a", "b")}


def test_a_name_that_hangs_costs_only_its_own_answer(
    monkeypatch: pytest.MonkeyPatch, hung: threading.Event
) -> None:
    real = socket.getaddrinfo

    def hanging(name: str, *rest: Any, **more: Any) -> Any:
        if name == "slow":
            hung.wait(30)
        return real(name, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    started = time.monotonic()
    found = look_up((Lookup("slow"), LOCALHOST), Deadline.after(0.5))
    assert time.monotonic() - started < 3
    slow = found[Lookup("slow")]
    assert isinstance(slow, Unanswered)
    # what was left of the deadline: a little less on a busy machine
    assert re.fullmatch(r"the auditor's resolver gave no answer within 0\.[0-5]\d? s", slow.reason)
    assert said(found[LOCALHOST])["addresses"]


def test_a_name_takes_no_longer_than_names_may(monkeypatch: pytest.MonkeyPatch, hung: threading.Event) -> None:
    monkeypatch.setattr(names, "_SECONDS", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [] if hung.wait(30) else None)
    started = time.monotonic()
    found = look_up((LOCALHOST,), Deadline.after(60))
    assert time.monotonic() - started < 3
    assert found == {LOCALHOST: Unanswered("the auditor's resolver gave no answer within 0.2 s")}


def test_many_names_are_asked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(50, timeout=10)

    def waiting(*_: Any, **__: Any) -> list[Any]:
        together.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", waiting)
    lookups = [Lookup(f"ol-web{n}") for n in range(50)]
    assert look_up(lookups, Deadline.after(20)) == dict.fromkeys(lookups, NOTHING)


def test_no_names_take_no_time() -> None:
    assert look_up((), Deadline.after(10)) == {}


def test_without_ssh_names_are_looked_up_as_well() -> None:
    answers = LocalTransport().ask("here", (LOCALHOST,), Deadline.after(20))
    assert said(answers[LOCALHOST])["addresses"]
