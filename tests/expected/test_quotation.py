from __future__ import annotations

import pytest

from olaudit.expected.quotation import quote

TEXT = """\
# The head of the file.

# Why there are links.
symlinks:
  /a:
    target: /b

  # Why /c.
  # Really.
  /c:
    # Why not /d.
    target:
      value: /e
      accept: [/f]

    severity: critical
containers:
- name: one
  # Why this image.
  image: two
"""


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        (1, [1]),
        (3, [3]),
        (4, [3, 4, 5, 6]),
        (6, [3, 4, 5, 6]),
        (12, [3, 4, 8, 9, 10, 11, 12, 13, 14]),
        (13, [3, 4, 8, 9, 10, 11, 12, 13]),
        (16, [3, 4, 8, 9, 10, 16]),
        (18, [17, 18, 19, 20]),
        (20, [17, 18, 19, 20]),
        (0, []),
        (99, []),
    ],
)
def test_value_is_quoted_with_its_parents_and_comments(line: int, numbers: list[int]) -> None:
    quoted = quote(TEXT, line)
    assert [number for number, _ in quoted] == numbers
    assert all(text == TEXT.splitlines()[number - 1] for number, text in quoted)


def test_long_value_and_long_comment_are_truncated() -> None:
    text = "\n".join(["# why"] * 50 + ["paths:"] + [f"  /{n}: {{}}" for n in range(50)])
    assert [number for number, _ in quote(text, 51)] == list(range(39, 63))
