"""`--printf` and `-printf`: what stat and find make of a format."""

from __future__ import annotations

import re
from collections.abc import Mapping

from olaudit.demo.commands.output import Unsupported

_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\"}
_SIGN = re.compile(r"%(.)|\\(.)", re.DOTALL)


def fill(template: str, values: Mapping[str, str]) -> str:
    """Fill `template`; raises Unsupported for a directive that has no value."""

    def value(found: re.Match[str]) -> str:
        filled = values.get(found[1]) if found[1] else _ESCAPES.get(found[2])
        if filled is None:
            raise Unsupported
        return filled

    return _SIGN.sub(value, template)
