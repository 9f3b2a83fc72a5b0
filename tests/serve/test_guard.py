from __future__ import annotations

import asyncio
import base64

import bcrypt
import pytest

from olaudit.serve import guard
from olaudit.serve.guard import Guard

HASH = bcrypt.hashpw(b"s3cret:\xc3\xa9", bcrypt.gensalt(4)).decode()


def basic(text: str | bytes) -> str:
    return f"Basic {base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()}"


def admits(guard: Guard, header: str) -> bool:
    return asyncio.run(guard.admits(header))


def test_where_no_users_are_listed_everybody_may_ask() -> None:
    assert admits(Guard({}), "")


@pytest.mark.parametrize("header", [basic("prom:s3cret:é"), basic("prom:s3cret:é").replace("Basic", "bAsIc")])
def test_the_right_password_is_admitted(header: str) -> None:
    assert admits(Guard({"prom": HASH}), header)


@pytest.mark.parametrize(
    "header",
    [
        "", "Basic", "Basic ", "Bearer x", "Basic !!!", basic("prom"), basic("prom:"), basic("prom:wrong"),
        basic("nobody:s3cret:é"), basic(":s3cret:é"), basic(b"\xff:x"), basic("prom:s3cret:é\0"),
        basic("prom:" + "x" * 1000),
    ],
)  # fmt: skip
def test_anything_else_is_not(header: str) -> None:
    checked = Guard({"prom": HASH})
    assert not admits(checked, header)
    assert not admits(checked, header)


def test_what_was_right_is_not_computed_again_and_what_was_wrong_is(monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[bytes] = []
    real = bcrypt.checkpw

    def counting(password: bytes, hashed: bytes) -> bool:
        computed.append(password)
        return real(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counting)
    checked = Guard({"prom": HASH})
    for _ in range(5):
        assert admits(checked, basic("prom:s3cret:é"))
    assert len(computed) == 1
    for _ in range(3):
        assert not admits(checked, basic("prom:wrong"))
        assert not admits(checked, basic("nobody:wrong"))  # as costly as for one that exists
    assert len(computed) == 7


def test_a_password_that_was_replaced_is_not_admitted_any_more() -> None:
    checked = Guard({"prom": HASH})
    assert admits(checked, basic("prom:s3cret:é"))
    checked.replace({"prom": bcrypt.hashpw(b"new", bcrypt.gensalt(4)).decode()})
    assert not admits(checked, basic("prom:s3cret:é"))
    assert admits(checked, basic("prom:new"))


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_REMEMBERED", 2)
    users = {f"u{number}": bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode() for number in range(5)}
    checked = Guard(users)
    assert all(admits(checked, basic(f"{user}:x")) for user in users)
    assert len(checked._right) <= 2
