"""Decoding what an engine answers: as `json.loads` does within the bounds, and without other exceptions."""

from __future__ import annotations

import contextlib
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from olaudit.engine_process import Engines, obstacle, read_engines
from olaudit.model import Answered, Unanswered
from olaudit.transport.engine.decoding import MOST_CHARACTERS, MOST_LEVELS, bounded, decode
from olaudit.transport.engine.errors import BadAnswer

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)
PIECES = st.sampled_from(
    ["[", "]", "{", "}", '"', "\\", ",", ":", "1e999", "NaN", "\\ud800", "\\u0000", "9" * 99, "\xff"]
)


@given(VALUES, st.booleans())
def test_json_is_decoded_as_the_standard_library_does(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert decode(text.encode("utf-8", "surrogatepass" if ascii_only else "replace")) == json.loads(text)


@given(st.binary() | st.lists(PIECES).map(lambda pieces: "".join(pieces).encode()))
@settings(max_examples=500)
def test_nothing_but_a_bad_answer_is_raised(body: bytes) -> None:
    with contextlib.suppress(BadAnswer):
        json.dumps(bounded(decode(body))).encode()


@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_the_bound_of_nesting_is_exact(brackets: str) -> None:
    inner = "1"
    for _ in range(MOST_LEVELS):
        inner = f"[{inner}]" if brackets == "[]" else f'{{"]}}\\"": {inner}}}'
    decode(inner.encode())
    with pytest.raises(BadAnswer, match="nested deeper"):
        decode(f"[{inner}]".encode())


def test_brackets_in_texts_are_not_nesting() -> None:
    body = json.dumps(["[" * 1000, '"\\' * 1000, {"{" * 1000: "]"}]).encode()
    assert decode(body) == json.loads(body)


def test_a_text_that_is_too_long_is_refused() -> None:
    assert bounded("x" * MOST_CHARACTERS)
    for value in ("x" * (MOST_CHARACTERS + 1), ["x" * (MOST_CHARACTERS + 1)], {"x" * (MOST_CHARACTERS + 1): 1}):
        with pytest.raises(BadAnswer, match="a text of more than"):
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
def test_any_list_of_processes_is_read(text: str, status: int) -> None:
    engines = read_engines(Answered(text, "", status))
    assert isinstance(engines, Engines | Unanswered)
    if status or "engine-processes\n" not in text or "process 1\n" not in text:
        assert obstacle(engines)


@pytest.mark.parametrize(
    "body", [b'"' + b'\\"' * 100_000, b'"' * 200_001, b'"' + b"\\" * 200_001, b'"' + b'["' * 100_000]
)
def test_a_text_without_an_end_takes_no_time(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises(BadAnswer):
        decode(body)
    assert time.process_time() - started < 2
