"""Expected-state files: strict loading of YAML into a `FleetSpec`; every error has its file and line."""

from olaudit.expected.json_schema import schema
from olaudit.expected.loader import load
from olaudit.expected.spec import FleetSpec, HostSpec, Place, RetiredHost, WaiverSpec
from olaudit.expected.targets import find_expected, select_hosts

__all__ = [
    "FleetSpec",
    "HostSpec",
    "Place",
    "RetiredHost",
    "WaiverSpec",
    "find_expected",
    "load",
    "schema",
    "select_hosts",
]
