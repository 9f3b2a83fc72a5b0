"""Decoding of an engine's answers: as `json.loads` within the limits, and InvalidAnswer beyond them."""

from __future__ import annotations

import contextlib
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from olaudit.facts.engines import Engines, parse_engines
from olaudit.model import Answered, Unknown
from olaudit.transport.engine import obstacle
from olaudit.transport.engine.decoding import MAX_CHARACTERS, MAX_LEVELS, bounded, decode
from olaudit.transport.engine.errors import InvalidAnswer

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)
TOKENS = st.sampled_from(
    ["[", "]", "{", "}", '"', "\\", ",", ":", "1e999", "NaN", "\\ud800", "\\u0000", "9" * 99, "\xff"]
)


@given(VALUES, st.booleans())
def test_json_is_decoded_as_by_the_standard_library(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert decode(text.encode("utf-8", "surrogatepass" if ascii_only else "replace")) == json.loads(text)


@given(st.binary() | st.lists(TOKENS).map(lambda tokens: "".join(tokens).encode()))
@settings(max_examples=500)
def test_only_invalid_answer_is_raised(body: bytes) -> None:
    with contextlib.suppress(InvalidAnswer):
        json.dumps(bounded(decode(body))).encode()


@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_nesting_limit_is_exact(brackets: str) -> None:
    inner = "1"
    for _ in range(MAX_LEVELS):
        inner = f"[{inner}]" if brackets == "[]" else f'{{"]}}\\"": {inner}}}'
    decode(inner.encode())
    with pytest.raises(InvalidAnswer, match="nested deeper"):
        decode(f"[{inner}]".encode())


def test_brackets_in_texts_are_not_counted() -> None:
    body = json.dumps(["[" * 1000, '"\\' * 1000, {"{" * 1000: "]"}]).encode()
    assert decode(body) == json.loads(body)


def test_overlong_text_is_rejected() -> None:
    assert bounded("x" * MAX_CHARACTERS)
    for value in ("x" * (MAX_CHARACTERS + 1), ["x" * (MAX_CHARACTERS + 1)], {"x" * (MAX_CHARACTERS + 1): 1}):
        with pytest.raises(InvalidAnswer, match="a text of more than"):
            bounded(value)


LINES = st.sampled_from(
    [
        "engine-processes",
        "end",
        "process 1",
        "process 9",
        "command dockerd",
        "command systemd",
        "Uid: 0\t0",
        "argument -H",
    ]
)


@given(st.lists(LINES | st.text()).map("\n".join), st.integers(0, 255))
@settings(max_examples=500)
def test_any_process_list_is_parsed(text: str, status: int) -> None:
    engines = parse_engines(Answered(text, "", status))
    assert isinstance(engines, Engines | Unknown)
    if status or "engine-processes\n" not in text or "process 1\n" not in text:
        assert obstacle(engines)


@pytest.mark.parametrize(
    "body", [b'"' + b'\\"' * 100_000, b'"' * 200_001, b'"' + b"\\" * 200_001, b'"' + b'["' * 100_000]
)
def test_unterminated_text_is_rejected_quickly(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises(InvalidAnswer):
        decode(body)
    assert time.process_time() - started < 2
