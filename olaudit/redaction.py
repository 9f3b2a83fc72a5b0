"""Replacement of secrets in text that was read from hosts: pure, total, and linear in the length of the text.

The patterns match secrets in configuration files, command lines, headers and logs. Add a pattern together with a
row in tests/test_redaction.py, where a property test inserts a secret of each form into other text.
"""

import re
from collections.abc import Mapping
from typing import Any

MARK = "[redacted]"
"""The replacement of a secret."""

_NAMES = (
    r"passw(?:or)?d|passphrase|passwd|pwd|requirepass|masterauth|bindpw|rootpw|secret|token|credential"
    r"|api[-_.]?key|access[-_.]?key|private[-_.]?key|encryption[-_.]?key|sasl[-_.]?(?:pwdb|plain|user|auth)|cookie"
)
_SECRET_NAME = re.compile(rf"(?i)(?:{_NAMES})")
_MAX_WORD = 256  # characters before a key that may belong to a path

# The value of a quoted word, of `key=value` (up to white space) and of `key: value` (up to the end of the line).
_PAIR = re.compile(
    rf"""(?ix)
    (?:(?P<before>["'])[\w.\-]{{0,32}})?
    (?P<key>(?:{_NAMES})[\w.\-]{{0,64}}+)
    (?P<sign>\\?["']?[ \t]{{0,16}}(?:=>|:=|=|:)[ \t]{{0,16}}(?P<quote>\\?["'])?)
    """
)
_ESCAPED = r"(?:\\.|[^\\\n{quote}])*"
_QUOTED = {'"': re.compile(_ESCAPED.replace("{quote}", '"')), "'": re.compile(_ESCAPED.replace("{quote}", "'"))}
_IN_ESCAPED_QUOTES = re.compile(r"""(?:(?!\\["'])[^\n])*""")
_WORD = re.compile(r"(?:\\.|[^\s\\])+")
_LINE = re.compile(r"[^\n]+")

_PEM = re.compile(
    r"(?s)(-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----)"
    r".*?(-----END (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----|\Z)"
)
_AFTER_PREFIX: tuple[re.Pattern[str], ...] = (
    # the value of a header extends to the end of its line, or of the quoted string that contains it
    re.compile(r"""(?i)(\b(?:proxy-)?authorization\b\\?["']?[ \t]*[:=][ \t]*\\?["']?)[^\n"'\\]+"""),
    re.compile(r"(?i)(\bbearer[ \t]+)[A-Za-z0-9._~+/=-]{6,}"),
    # user:password@, and everything before the @ of http(s): tokens are often used as the user name
    re.compile(r"""(?i)(\bhttps?://)[^\s/?\#@"'<>]{1,512}(?=@)"""),
    re.compile(
        r"""(?i)(\b[a-z][a-z0-9+.-]{0,32}://)[^\s/?\#@:"'<>]{0,256}:(?!\d{1,5}(?:[/?\#]|\s|$))[^\s"'<>]{1,512}(?=@)"""
    ),
    # options and commands that take a secret as the next word
    re.compile(
        rf"""(?i)((?:^|\s)--?[\w-]{{0,32}}(?:{_NAMES})[\w-]{{0,32}}[ \t]+)(?:"[^"\n]*"|'[^'\n]*'|[^\s-]\S*)"""
    ),
    re.compile(r"(?i)(\b(?:requirepass|masterauth|bindpw|rootpw)[ \t]+)[^\n]+"),
    re.compile(r"(?i)(\blogin[ \t]+\S+[ \t]+password[ \t]+)\S+"),
    re.compile(r"""(?i)(\b(?:password|identified[ \t]+by)[ \t]+)(?:'[^'\n]*'|"[^"\n]*")"""),
    re.compile(r"(\b(?:sshpass|mysql\w{0,16})\b[^\n]{0,256}?\s-p[ \t]?)[^\s-]\S*"),
    re.compile(r"(\s(?:-u|--user)[= \t][ \t]*[^\s:]{1,128}:)\S+"),
    re.compile(r"(\s(?:-Y|--auth-file)[= \t][ \t]*)\S+"),  # memcached's file of users and passwords
    re.compile(r"(?i)(\bhooks\.slack\.com/services/)\S+"),
)
_ENTIRE: tuple[re.Pattern[str], ...] = (
    re.compile(r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA|ANVA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    re.compile(r"\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_[A-Za-z0-9_]{16,}|\bglpat-[\w-]{16,}"),
    re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{8,}|\bsk[-_][A-Za-z0-9_-]{16,}|\bAIza[\w-]{30,}"),
    re.compile(r"\beyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]*|\bAGE-SECRET-KEY-1[A-Z0-9]+"),
    re.compile(r"\bmd5[0-9a-f]{32}\b|\bSCRAM-SHA-(?:1|256)\$\S+"),
    re.compile(r"\$(?:1|2[abxy]?|5|6|7|y|gy|apr1|sha1|argon2(?:id|i|d))\$[./A-Za-z0-9=,$+-]{8,}"),
    re.compile(r"\{S?(?:SHA|MD5|CRYPT)(?:256|512)?\}\S{8,}"),
)


def redact(text: str, *, prose: bool = False) -> str:
    """Replace what looks like a secret in `text` with `[redacted]`; names of settings and line breaks are kept.

    In `prose`, such as a finding's message, a colon is punctuation: `ol-token-1: not running` is not a setting.
    """
    text = _PEM.sub(lambda match: f"{match[1]}{MARK}{match[2]}", text)
    for pattern in _AFTER_PREFIX:
        text = pattern.sub(lambda match: f"{match[1]}{MARK}", text)
    for pattern in _ENTIRE:
        text = pattern.sub(MARK, text)
    return _redact_pairs(text, prose=prose) if _SECRET_NAME.search(text) else text


def _redact_pairs(text: str, *, prose: bool) -> str:
    """Replace the values of `key=value` and `key: value` whose key names a secret."""
    parts: list[str] = []
    done = 0
    while match := _PAIR.search(text, done):
        bare = "=" not in match["sign"] and not match["quote"]
        # The end of a kept value is not searched for: a line of a thousand such values would take quadratic time
        is_kept = bare and (prose or _is_path(text, match))
        end = match.end() if is_kept else _value_end(text, match)
        parts.append(text[done : match.end()])
        if end > match.end():
            parts.append(MARK)
        done = end
    return "".join((*parts, text[done:]))


def _value_end(text: str, match: re.Match[str]) -> int:
    """Return the end of the value that begins after `match`."""
    quote, before = match["quote"] or "", match["before"] or ""
    if quote.startswith("\\"):
        value = _IN_ESCAPED_QUOTES
    elif quote:
        value = _QUOTED[quote]
    elif before and match["sign"].lstrip("\\")[:1] not in ('"', "'"):
        value = _QUOTED[before]  # `"key=value with spaces"` is quoted as a whole
    else:
        value = _WORD if "=" in match["sign"] else _LINE
    value_match = value.match(text, match.end())
    return value_match.end() if value_match else match.end()


def _is_path(text: str, match: re.Match[str]) -> bool:
    """Return whether `match` is in an error about a file (`/run/secrets/token: Permission denied`)."""
    word = text[max(0, match.start("key") - _MAX_WORD) : match.start("key")]
    return "/" in re.split(r"[\s\"'=]", word)[-1] and not re.match(r"\S*[\"']", match["sign"])


def redact_json(value: Any) -> Any:
    """Replace what looks like a secret in a parsed JSON document.

    A key that names a secret marks its value as one; the key itself is kept.
    """
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [redact_json(item) for item in value]
    if isinstance(value, Mapping):
        return {redact(str(key)): _redact_entry(str(key), item) for key, item in value.items()}
    return value


def _redact_entry(key: str, value: Any) -> Any:
    return MARK if isinstance(value, str) and value and _SECRET_NAME.search(key) else redact_json(value)
