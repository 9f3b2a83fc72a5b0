"""Expected-state files: YAML to `FleetSpec`, strictly, every error with its file and line."""

from olaudit.expected.json_schema import schema
from olaudit.expected.loader import load
from olaudit.expected.spec import FleetSpec, HostSpec, Place, Retired, WaiverSpec
from olaudit.expected.targets import find_expected, select_hosts

__all__ = [
    "FleetSpec",
    "HostSpec",
    "Place",
    "Retired",
    "WaiverSpec",
    "find_expected",
    "load",
    "schema",
    "select_hosts",
]
