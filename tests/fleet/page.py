"""What the lab runs: the page's hosts and containers, in the readings that its two tables join to."""

from dataclasses import dataclass
from enum import Enum, auto


class Role(Enum):
    """What a host is there for, and with that which programs it has and runs."""

    DOCKER = auto()
    MEMCACHED = auto()
    BARE_METAL = auto()


@dataclass(frozen=True, slots=True)
class Container:
    """One container as Docker knows it; `project` is None for one that compose did not make."""

    service: str
    name: str
    hostname: str
    project: str | None = "openlibrary"
    number: int = 1
    command: str = "while :; do sleep 3600 & wait $!; done"
    health: str | None = None  # a healthcheck's command, run every second
    capped: bool | None = None  # whether its logs are; None: as production has it for the service


@dataclass(frozen=True, slots=True)
class Machine:
    """One host of the page."""

    name: str
    role: Role
    release: str
    containers: tuple[Container, ...] = ()
    systemd: bool = False  # process 1 is systemd with real units, not tini with scripts/rc.sh


# Services whose logs production's compose file leaves uncapped; all others keep 4 files of 512 MB.
UNCAPPED_LOGS = frozenset({"infobase_nginx", "cron-jobs", "importbot", "solr-next-updater"})


def compose(
    host: str, service: str, number: int = 1, *, project: str = "openlibrary", sep: str = "-"
) -> Container:
    """Make a container as compose names it; v1 wrote `_` (`sep`) around the service where v2 writes `-`."""
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

# The releases are the page's: Trusty for bare metal, Focal for memcached; it gives none for Docker hosts.
PAGE: tuple[Machine, ...] = (
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
