"""Name lookups by the resolver of this machine, and by resolvers that hang or fail."""

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
from olaudit.transport import Deadline, resolver
from olaudit.transport.local import LocalTransport
from olaudit.transport.resolver import look_up_names

LOCALHOST = Lookup("localhost")
NO_ADDRESSES = Answered(json.dumps({"addresses": [], "names": {}}))


def decode(answer: Any) -> dict[str, Any]:
    assert isinstance(answer, Answered), answer
    decoded: dict[str, Any] = json.loads(answer.stdout)
    return decoded


@pytest.fixture
def hung() -> Iterator[threading.Event]:
    """Event on which a resolver hangs until the end of the test."""
    event = threading.Event()
    yield event
    event.set()


def test_name_is_resolved_forward_and_back() -> None:
    decoded = decode(look_up_names((LOCALHOST,), Deadline.after(10))[LOCALHOST])
    assert set(decoded["addresses"]) & {"127.0.0.1", "::1"}
    assert set(decoded["names"]) == set(decoded["addresses"])
    assert any("localhost" in names for names in decoded["names"].values())


def test_address_resolves_to_itself() -> None:
    lookup = Lookup("127.0.0.1")
    assert decode(look_up_names((lookup,), Deadline.after(10))[lookup])["addresses"] == ["127.0.0.1"]


def test_unknown_name_has_no_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    lookup = Lookup("ol-mem3.invalid")
    try:
        socket.getaddrinfo(lookup.name, None)
    except socket.gaierror as error:
        if error.errno != socket.EAI_NONAME:  # the machine has no network: simulate the answer
            monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert look_up_names((lookup,), Deadline.after(10))[lookup] == NO_ADDRESSES


def test_failing_resolver_is_unanswered(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", failing)
    reason = "the auditor's resolver failed for localhost: Temporary failure in name resolution"
    assert look_up_names((LOCALHOST,), Deadline.after(10))[LOCALHOST] == Unanswered(reason)


@pytest.mark.parametrize("name", ["x" * 64 + ".org", "a..b", "\udcff", "a\0b"])
def test_invalid_name_raises_no_error(name: str) -> None:
    answer = look_up_names((Lookup(name),), Deadline.after(10))[Lookup(name)]
    assert answer == NO_ADDRESSES or isinstance(answer, Unanswered)


def test_address_without_reverse_entry_has_no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_entry(_address: str) -> NoReturn:
        raise socket.herror(1, "Unknown host")

    monkeypatch.setattr(socket, "gethostbyaddr", no_entry)
    decoded = decode(look_up_names((LOCALHOST,), Deadline.after(10))[LOCALHOST])
    assert decoded["addresses"]
    assert set(map(tuple, decoded["names"].values())) == {()}


def test_names_of_an_address_are_unique(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostbyaddr", lambda _: ("b", ["a", "b"], []))
    decoded = decode(look_up_names((LOCALHOST,), Deadline.after(10))[LOCALHOST])
    assert set(map(tuple, decoded["names"].values())) == {("a", "b")}


def test_hanging_lookup_loses_only_its_own_answer(monkeypatch: pytest.MonkeyPatch, hung: threading.Event) -> None:
    real = socket.getaddrinfo

    def hanging(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "slow":
            hung.wait(30)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    started = time.monotonic()
    answers = look_up_names((Lookup("slow"), LOCALHOST), Deadline.after(0.5))
    assert time.monotonic() - started < 3
    slow = answers[Lookup("slow")]
    assert isinstance(slow, Unanswered)
    # the remaining time, which is shorter on a busy machine
    assert re.fullmatch(r"the auditor's resolver gave no answer within 0\.[0-5]\d? s", slow.reason)
    assert decode(answers[LOCALHOST])["addresses"]


def test_lookup_ends_at_its_own_time_limit(monkeypatch: pytest.MonkeyPatch, hung: threading.Event) -> None:
    monkeypatch.setattr(resolver, "_LOOKUP_SECONDS", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [] if hung.wait(30) else None)
    started = time.monotonic()
    answers = look_up_names((LOCALHOST,), Deadline.after(60))
    assert time.monotonic() - started < 3
    assert answers == {LOCALHOST: Unanswered("the auditor's resolver gave no answer within 0.2 s")}


def test_names_are_resolved_in_parallel(monkeypatch: pytest.MonkeyPatch) -> None:
    barrier = threading.Barrier(50, timeout=10)

    def waiting(*_: Any, **__: Any) -> list[Any]:
        barrier.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", waiting)
    lookups = [Lookup(f"ol-web{n}") for n in range(50)]
    assert look_up_names(lookups, Deadline.after(20)) == dict.fromkeys(lookups, NO_ADDRESSES)


def test_no_lookups_have_no_answers() -> None:
    assert look_up_names((), Deadline.after(10)) == {}


def test_local_transport_answers_lookups() -> None:
    answers = LocalTransport().ask("host", (LOCALHOST,), Deadline.after(20))
    assert decode(answers[LOCALHOST])["addresses"]
