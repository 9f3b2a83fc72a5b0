"""The checkers: an explicit list of everything that olaudit evaluates."""

from olaudit.checker import AnyChecker
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
from olaudit.model import Check

CHECKERS: tuple[AnyChecker, ...] = (
    hostname.CHECKER,
    release.CHECKER,
    docker.CHECKER,
    container.CHECKER,
    stale_mount.CHECKER,
    clock.CHECKER,
    disk.CHECKER,
    service.CHECKER,
    package.CHECKER,
    path.CHECKER,
    symlink.CHECKER,
    symlink_farm.CHECKER,
    cron.CHECKER,
    certificate.CHECKER,
    memcached.CHECKER,
    postgres.CHECKER,
    firewall.CHECKER,
    dns.ADDRESS,
    dns.RETIRED,
    git.CHECKER,
    *fleet.CHECKERS,
)
"""All checkers, in the order of their probes and of the documentation."""


def check_ids() -> dict[str, Check]:
    """Map every public check id to its check, in the order of `CHECKERS`."""
    return {check.id: check for checker in CHECKERS for check in checker.checks}
