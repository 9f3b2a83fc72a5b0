"""dns.*: names lead where they should, by the resolver of whoever audits, and retired ones lead nowhere."""

from __future__ import annotations

from olaudit.checks.dns.address import CHECKER as ADDRESS
from olaudit.checks.dns.retired import CHECKER as RETIRED

__all__ = ["ADDRESS", "RETIRED"]
