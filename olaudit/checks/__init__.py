"""The kinds of checks: everything olaudit can judge, as an explicit list."""

from __future__ import annotations

from olaudit.checks import container, docker, hostname, memcached, path, symlink
from olaudit.kind import AnyKind, CheckId

KINDS: tuple[AnyKind, ...] = (
    hostname.KIND,
    docker.KIND,
    container.KIND,
    path.KIND,
    symlink.KIND,
    memcached.KIND,
)
"""Every kind, in the order in which hosts are asked and the docs list them."""


def check_ids() -> dict[str, CheckId]:
    """Map every public check id to its severity and meaning, in the order of `KINDS`."""
    return {check.id: check for kind in KINDS for check in kind.ids}
