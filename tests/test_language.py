"""The project uses the words of its glossary."""

from __future__ import annotations

import pytest

from tests import language


def test_no_file_uses_a_replaced_word(capsys: pytest.CaptureFixture[str]) -> None:
    language.main([])
    assert capsys.readouterr().out == ""


def test_a_replaced_word_is_reported(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "EXEMPT", frozenset())
    assert language.main(["docs/glossary.md"]) == 1
    assert "docs/glossary.md:" in capsys.readouterr().out
