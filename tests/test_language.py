"""The project uses the words of its glossary."""

from __future__ import annotations

import pytest

from tests import language


def test_no_file_uses_a_replaced_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(language.tracked()) > 500
    assert language.main([]) == 0
    assert capsys.readouterr().out == ""


def test_each_replaced_word_is_reported(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(language, "EXEMPT", frozenset())
    assert language.main(["docs/glossary.md"]) == 1
    output = capsys.readouterr().out
    replaced = language.replaced_words()
    assert len(replaced) > 5
    assert [word for word in replaced if repr(word) not in output] == []
