"""Formats of stat's `--printf` and find's `-printf`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from olaudit.demo.commands.output import Unsupported

_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\"}
_SIGN = re.compile(r"%(.)|\\(.)", re.DOTALL)


def fill(template: str, values: Mapping[str, str]) -> str:
    """Fill `template`; raises Unsupported for a directive that has no value."""

    def value(match: re.Match[str]) -> str:
        filled = values.get(match[1]) if match[1] else _ESCAPES.get(match[2])
        if filled is None:
            raise Unsupported
        return filled

    return _SIGN.sub(value, template)
