from __future__ import annotations

import asyncio
import base64

import bcrypt
import pytest

from olaudit.serve.guard import Guard

HASH = bcrypt.hashpw(b"s3cret:\xc3\xa9", bcrypt.gensalt(4)).decode()


def basic(text: str | bytes) -> str:
    return f"Basic {base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()}"


def admits(guard: Guard, header: str) -> bool:
    return asyncio.run(guard.admits(header))


def test_without_users_every_request_is_admitted() -> None:
    assert admits(Guard({}), "")


@pytest.mark.parametrize("header", [basic("prom:s3cret:é"), basic("prom:s3cret:é").replace("Basic", "bAsIc")])
def test_correct_password_is_admitted(header: str) -> None:
    assert admits(Guard({"prom": HASH}), header)


@pytest.mark.parametrize(
    "header",
    [
        "", "Basic", "Basic ", "Bearer x", "Basic !!!", basic("prom"), basic("prom:"), basic("prom:wrong"),
        basic("unknown:s3cret:é"), basic(":s3cret:é"), basic(b"\xff:x"), basic("prom:s3cret:é\0"),
        basic("prom:" + "x" * 1000),
    ],
)  # fmt: skip
def test_other_credentials_are_rejected(header: str) -> None:
    guard = Guard({"prom": HASH})
    assert not admits(guard, header)
    assert not admits(guard, header)


def test_only_successful_comparisons_are_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []
    checkpw = bcrypt.checkpw

    def counting_checkpw(password: bytes, hashed: bytes) -> bool:
        compared.append(password)
        return checkpw(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counting_checkpw)
    guard = Guard({"prom": HASH})
    for _ in range(5):
        assert admits(guard, basic("prom:s3cret:é"))
    assert len(compared) == 1
    for _ in range(3):
        assert not admits(guard, basic("prom:wrong"))
        assert not admits(guard, basic("unknown:wrong"))  # compared too, as for a known user
    assert len(compared) == 7


def test_replaced_password_is_rejected() -> None:
    guard = Guard({"prom": HASH})
    assert admits(guard, basic("prom:s3cret:é"))
    guard.replace({"prom": bcrypt.hashpw(b"new", bcrypt.gensalt(4)).decode()})
    assert not admits(guard, basic("prom:s3cret:é"))
    assert admits(guard, basic("prom:new"))


def test_cache_size_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("olaudit.serve.guard._CACHE_SIZE", 2)
    users = {f"u{number}": bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode() for number in range(5)}
    guard = Guard(users)
    assert all(admits(guard, basic(f"{user}:x")) for user in users)
    assert len(guard._verified) <= 2
