"""Hosts and containers of the lab, from the two tables of the wiki page."""

from dataclasses import dataclass
from enum import Enum, auto


class Role(Enum):
    """Role of a host, which determines the programs that it has and runs."""

    DOCKER = auto()
    MEMCACHED = auto()
    BARE_METAL = auto()


@dataclass(frozen=True, slots=True)
class Container:
    """A container of the lab; `project` is None if compose did not create it."""

    service: str
    name: str
    hostname: str
    project: str | None = "openlibrary"
    number: int = 1
    command: str = "while :; do sleep 3600 & wait $!; done"
    health: str | None = None  # a healthcheck's command, run every second
    logs_limited: bool | None = None  # None: as in production's compose file for the service


@dataclass(frozen=True, slots=True)
class Machine:
    """A host of the lab."""

    name: str
    role: Role
    release: str
    containers: tuple[Container, ...] = ()
    systemd: bool = False  # process 1 is systemd with real units, not tini with scripts/rc.sh


# Services without a log limit in production's compose file; all others keep 4 files of 512 MB.
UNLIMITED_LOGS = frozenset({"infobase_nginx", "cron-jobs", "importbot", "solr-next-updater"})


def compose(
    host: str, service: str, number: int = 1, *, project: str = "openlibrary", sep: str = "-"
) -> Container:
    """Build a container with the name that compose gives it; `sep` is `_` in compose v1 and `-` in v2."""
    return Container(
        service=service,
        name=f"{project}{sep}{service}{sep}{number}",
        hostname=f"docker-{host}-{service}{sep}{number}",
        project=project,
        number=number,
    )


def _docker(host: str, *containers: Container) -> Machine:
    return Machine(host, Role.DOCKER, "debian", containers)


_HOME_SERVICES = (
    "affiliate-server",
    "cron-jobs",
    "importbot",
    "infobase",
    "infobase_nginx",
    "solr-next-updater",
    "solr-updater",
)

# The releases are those of the page: Trusty for bare metal, Focal for memcached; none is given for Docker hosts.
INVENTORY: tuple[Machine, ...] = (
    Machine("ol-backup0", Role.BARE_METAL, "trusty"),
    _docker(
        "ol-covers0",
        compose("ol-covers0", "covers", 1),
        compose("ol-covers0", "covers", 2),
        compose("ol-covers0", "covers_nginx"),
    ),
    Machine("ol-db1", Role.BARE_METAL, "trusty"),
    Machine("ol-db2", Role.BARE_METAL, "trusty"),
    _docker("ol-home0", *(compose("ol-home0", service) for service in _HOME_SERVICES)),
    Machine("ol-mem0", Role.MEMCACHED, "focal"),
    Machine("ol-mem1", Role.MEMCACHED, "focal"),
    Machine("ol-mem2", Role.MEMCACHED, "focal"),
    _docker(
        "ol-solr0",
        *(compose("ol-solr0", service, sep="_") for service in ("solr", "solr_haproxy", "solr_restarter")),
    ),
    _docker(
        "ol-solr1",
        Container("jenkins", "jenkins", "docker-ol-solr1-jenkins", project=None),
        compose("ol-solr1", "solr_haproxy", sep="_"),
        compose("ol-solr1", "solr_prod", project="solr_builder"),
    ),
    _docker("ol-web1", compose("ol-web1", "web")),
    _docker("ol-web2", compose("ol-web2", "web")),
    _docker("ol-www0", compose("ol-www0", "web_haproxy"), compose("ol-www0", "web_nginx")),
)
