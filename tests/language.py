"""Check the wording of the project: `python -m tests.language [FILE...]` lists words that the glossary replaces.

The words are those of the glossary's last column and of `language.txt`. Without FILE it checks every tracked file.
The exit status is 1 if it lists anything.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
GLOSSARY = ROOT / "docs" / "glossary.md"

WORD_LISTS = ROOT / "tests" / "language.txt"
SUFFIXES = frozenset({".py", ".md", ".yaml", ".yml", ".j2", ".js", ".css", ".toml", ".cfg", ".sh", ""})
EXEMPT = frozenset(
    {
        "LICENSE",
        "CHANGELOG.md",
        "docs/glossary.md",
        "olaudit/history/schema.py",  # names of earlier versions, which the migration reads
        "tests/history/version_2.sql",
        "tests/requirements.txt",
    }
)


def replaced_words() -> list[str]:
    """List the words in the last column of the glossary's table."""
    rows = re.findall(r"^\|[^|]*\|[^|]*\|([^|]*)\|$", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
    return [word.strip() for row in rows[2:] for word in row.split(",") if word.strip()]


def word_lists() -> tuple[list[str], frozenset[str], frozenset[str]]:
    """Return the sections of `language.txt`: patterns, identifiers, and accepted places (`FILE: WORD`)."""
    sections = re.split(r"^#.*\n", WORD_LISTS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    _, prose, names, accepted = sections
    return prose.split("\n")[:-1], frozenset(names.split()), frozenset(accepted.splitlines())


def check(path: Path, prose: re.Pattern[str], names: frozenset[str]) -> Iterator[tuple[int, str]]:
    """Yield line number and word of each place in a file."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix != ".py":
        for number, line in enumerate(text.splitlines(), 1):
            yield from ((number, match[0]) for match in prose.finditer(line))
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING):
            for offset, line in enumerate(token.string.split("\n")):
                yield from ((token.start[0] + offset, match[0]) for match in prose.finditer(line))
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                pass
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                pass
            case _:
                continue
        if name.strip("_").lower() in names:
            yield node.lineno, name


def tracked() -> list[str]:
    """List the tracked files of the project."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name]


def main(names: list[str]) -> int:
    """List the places, and return the exit status."""
    patterns, identifiers, accepted = word_lists()
    prose = re.compile(rf"\b(?:{'|'.join((*patterns, *map(re.escape, replaced_words())))})\b", re.IGNORECASE)
    status = 0
    for name in names or tracked():
        path = ROOT / name
        if name in EXEMPT or path.suffix not in SUFFIXES or not path.is_file():
            continue
        for number, word in sorted(check(path, prose, identifiers)):
            if f"{name}: {word}" not in accepted:
                print(f"{name}:{number}: {word!r}")
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
