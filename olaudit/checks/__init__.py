"""The kinds of checks: everything olaudit can judge, as an explicit list."""

from __future__ import annotations

from olaudit.checks import (
    certificate,
    clock,
    container,
    cron,
    disk,
    dns,
    docker,
    firewall,
    fleet,
    git,
    hostname,
    memcached,
    package,
    path,
    postgres,
    release,
    service,
    stale_mount,
    symlink,
    symlink_farm,
)
from olaudit.kind import AnyKind, CheckId

KINDS: tuple[AnyKind, ...] = (
    hostname.KIND,
    release.KIND,
    docker.KIND,
    container.KIND,
    stale_mount.KIND,
    clock.KIND,
    disk.KIND,
    service.KIND,
    package.KIND,
    path.KIND,
    symlink.KIND,
    symlink_farm.KIND,
    cron.KIND,
    certificate.KIND,
    memcached.KIND,
    postgres.KIND,
    firewall.KIND,
    dns.ADDRESS,
    dns.RETIRED,
    git.KIND,
    *fleet.KINDS,
)
"""Every kind, in the order in which hosts are asked and the docs list them."""


def check_ids() -> dict[str, CheckId]:
    """Map every public check id to its severity and meaning, in the order of `KINDS`."""
    return {check.id: check for kind in KINDS for check in kind.ids}
