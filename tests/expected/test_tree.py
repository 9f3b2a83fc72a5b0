"""Properties of merging and parsing, for any trees and texts."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from olaudit.expected.parse import parse
from olaudit.expected.problems import Problems
from olaudit.expected.spec import Place
from olaudit.expected.tree import Items, Node, Scalar, Table, locate, merge, plain, walk
from olaudit.expected.validate import validate

PLACE = Place("x.yaml", 1)
values: list[str | int | float | bool] = [0, 1, 0.5, True, "", "x"]
scalars = st.sampled_from(values).map(lambda value: Scalar(PLACE, value, str(value)))
nodes: st.SearchStrategy[Node] = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: Items(PLACE, tuple(items))),
        st.dictionaries(st.sampled_from("abc"), inner).map(lambda entries: Table(PLACE, entries)),
    ),
    max_leaves=5,
)
tables = st.dictionaries(st.sampled_from("abcd"), nodes).map(lambda entries: Table(PLACE, entries))


@given(tables, tables)
def test_merge_has_all_keys_and_the_values_of_the_upper_table(below: Table, above: Table) -> None:
    merged = merge(below, above)
    assert merged.entries.keys() == below.entries.keys() | above.entries.keys()
    for path, node in walk(above):
        if not isinstance(node, Table):
            assert plain(locate(merged, path)[1]) == plain(node)


@given(tables)
def test_merging_with_empty_table_or_itself_changes_nothing(table: Table) -> None:
    empty = Table(PLACE, {})
    assert merge(table, empty) == merge(empty, table) == merge(table, table) == table


@given(st.dictionaries(st.sampled_from("abc"), scalars), st.dictionaries(st.sampled_from("abc"), scalars), tables)
def test_merging_flat_mappings_is_associative(
    first: dict[str, Node], second: dict[str, Node], third: Table
) -> None:
    a, b = Table(PLACE, first), Table(PLACE, second)
    assert plain(merge(merge(a, b), third)) == plain(merge(a, merge(b, third)))


punctuation = st.text(alphabet="ab:-[]{}#&*!|>'\"%@`,?~ \n\t0o1_.x<=\x85\ufeff\u2028")
bytes_as_text = st.binary().map(lambda data: data.decode("utf-8", "replace"))


@given(st.one_of(punctuation, bytes_as_text))
def test_any_text_is_parsed_or_has_problems(text: str) -> None:
    problems = Problems(Path("/x"))
    node = parse("x.yaml", text, problems)
    assert node is not None or problems
    for path, inner in walk(node) if node else ():
        assert inner.place.line >= 1, path


@pytest.mark.parametrize(
    ("annotation", "text", "expected"),
    [
        (set[str], "5", "'it' must be a list, not the number 5"),
        (set[str], "x" * 70, f"'it' must be a list, not the text '{'x' * 57}...'"),
        (bytes, "[]", "'it' must be a valid bytes"),
        (int, "1.5", "'it' must be a whole number, not the number 1.5"),
        (complex, "{}", "'it' must have another value"),
    ],
)
def test_rare_errors_have_plain_messages(annotation: type, text: str, expected: str) -> None:
    node = parse("x.yaml", text, Problems(Path("/x")))
    assert node
    adapter: TypeAdapter[Any] = TypeAdapter(annotation, config={"strict": True})
    ((_, message),) = validate(adapter, node, "it")[1]
    assert message == expected
