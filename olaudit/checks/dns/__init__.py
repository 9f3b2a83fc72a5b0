"""dns.*: names resolve as expected by the auditor's resolver, and retired names do not resolve."""

from olaudit.checks.dns.address import CHECKER as ADDRESS
from olaudit.checks.dns.retired import CHECKER as RETIRED

__all__ = ["ADDRESS", "RETIRED"]
