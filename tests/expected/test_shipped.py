"""The shipped files agree with the wiki page: its two tables, its layout, and its order of upgrades."""

from pathlib import Path

import pytest

from olaudit.checks import CHECKERS
from olaudit.expected import FleetSpec, HostSpec, load
from olaudit.language import Presence
from tests.expected.toys import Files, problems

ROOT = Path(__file__).parents[2] / "expected"

# The page's tables, joined: host, service, container name, docker hostname. Alternatives follow `|`;
# (d) stands for the double hyphen of "docker-ol-www0--".
TABLES = """
ol-covers0  covers             openlibrary-covers-1             docker-ol-covers0-covers-1
ol-covers0  covers             openlibrary-covers-2             docker-ol-covers0-covers-2
ol-covers0  covers_nginx       openlibrary-covers_nginx-1       docker-ol-covers0-covers_nginx-1
ol-home0    affiliate-server   openlibrary-affiliate-server-1   docker-ol-home0-affiliate-server-1
ol-home0    cron-jobs          openlibrary-cron-jobs-1          docker-ol-home0-cron-jobs-1
ol-home0    importbot          openlibrary-importbot-1          docker-ol-home0-importbot-1
ol-home0    infobase           openlibrary-infobase-1           docker-ol-home0-infobase-1
ol-home0    infobase_nginx     openlibrary-infobase_nginx-1     docker-ol-home0-infobase_nginx-1
ol-home0    solr-next-updater  openlibrary-solr-next-updater-1  docker-ol-home0-solr-next-updater-1
ol-home0    solr-updater       openlibrary-solr-updater-1       docker-ol-home0-solr-updater-1
ol-solr0    solr               openlibrary_solr_1               docker-ol-solr0-solr_1
ol-solr0    solr_haproxy       openlibrary_solr_haproxy_1       docker-ol-solr0-solr_haproxy_1
ol-solr0    solr_restarter     openlibrary_solr_restarter_1     docker-ol-solr0-solr_restarter_1
ol-solr1    jenkins            jenkins                          docker-ol-solr1-jenkins
ol-solr1    solr_haproxy       openlibrary_solr_haproxy_1       docker-ol-solr1-solr_haproxy_1
ol-solr1    solr_prod          solr_builder-solr_prod-1         docker-ol-solr1-solr_prod-1
ol-web1     web                openlibrary-web-1                docker-ol-web1-web-1
ol-web2     web                openlibrary-web-1|openlibrary-web-2  docker-ol-web2-web-1
ol-www0     web_haproxy        openlibrary-web_haproxy-1        docker-ol-www0-web_haproxy-1|(d)web_haproxy-1
ol-www0     web_nginx          openlibrary-web_nginx-1          docker-ol-www0-web_nginx-1|(d)web_nginx-1
"""
OPTIONAL = """
ol-solr1    solr               openlibrary_solr_1               docker-ol-solr1-solr_1
ol-solr1    solr_restarter     openlibrary_solr_restarter_1     docker-ol-solr1-solr_restarter_1
"""
BARE = ["ol-backup0", "ol-db1", "ol-db2", "ol-mem0", "ol-mem1", "ol-mem2"]
DOCKER = ["ol-covers0", "ol-dev", "ol-home0", "ol-solr0", "ol-solr1", "ol-web1", "ol-web2", "ol-www0"]


@pytest.fixture(scope="module")
def shipped() -> FleetSpec:
    return load(ROOT, CHECKERS)


def rows(fleet: FleetSpec, presence: Presence) -> list[list[str]]:
    return [
        [host.name, item.service, "|".join(item.name.values), "|".join(item.hostname.values)]
        for host in fleet.hosts.values()
        for item in host.sections.get("containers", ())
        if item.presence is presence
    ]


def test_containers_are_those_of_the_two_tables(shipped: FleetSpec) -> None:
    assert rows(shipped, Presence.REQUIRED) == [
        row.split() for row in TABLES.strip().replace("(d)", "docker-ol-www0--").splitlines()
    ]
    assert rows(shipped, Presence.OPTIONAL) == [row.split() for row in OPTIONAL.strip().splitlines()]


def test_hosts_are_those_of_the_page(shipped: FleetSpec) -> None:
    assert sorted(shipped.hosts) == sorted(BARE + DOCKER)
    assert {name for name, host in shipped.hosts.items() if host.sections["docker"] == "required"} == set(DOCKER)
    assert {name for name, host in shipped.hosts.items() if host.sections["docker"] == "absent"} == set(BARE)


def test_unknown_containers_are_not_evaluated(shipped: FleetSpec) -> None:
    without_containers = [name for name, host in shipped.hosts.items() if "containers" not in host.sections]
    assert without_containers == sorted([*BARE, "ol-dev"])
    assert [name for name, host in shipped.hosts.items() if "memcached" in host.sections] == BARE[3:]


def test_hostname_may_be_short_or_fully_qualified(shipped: FleetSpec) -> None:
    for name, host in shipped.hosts.items():
        assert host.sections["hostname"].values == (name, f"{name}.us.archive.org")


def test_every_container_restarts_after_a_reboot(shipped: FleetSpec) -> None:
    policies = {
        (item.name.value, item.restart.values)
        for host in shipped.hosts.values()
        for item in host.sections.get("containers", ())
        if item.restart.values != ("unless-stopped",)
    }
    assert policies == {("jenkins", ("unless-stopped", "always"))}


LAYOUT = {
    "/opt/petabox": "optional directory",
    "/opt/openlibrary": "required directory",
    "/opt/openlibrary/venv": "required directory",
    "/opt/openlibrary/maxmind-geoip": "required directory",
    "/opt/openlibrary/maxmind-geoip/*.dat": "required file",
    "/opt/openlibrary/deploys": "required directory",
    "/opt/openlibrary/deploys/openlibrary": "required directory",
    "/opt/openlibrary/deploys/olsystem": "required directory",
    "/opt/openlibrary/deploys/base": "optional directory",
    "/opt/openlibrary/deploys/openlibrary/openlibrary": "required directory",
    "/opt/openlibrary/deploys/olsystem/olsystem": "required directory",
    # Not on the page: a file that can cause data loss, and files that a failed deploy leaves.
    "/opt/openlibrary/openlibrary/compose.override.yaml": "forbidden None",
    "/opt/*_new": "forbidden None",
}
LINKS = {
    "/opt/openlibrary/olsystem": (
        "/opt/openlibrary/deploys/olsystem/olsystem",
        "/opt/deploys/openlibrary/olsystem",
        "/opt/openlibrary/deploys/olsystem/<commit>",
    ),
    "/opt/openlibrary/openlibrary": (
        "/opt/openlibrary/deploys/openlibrary/openlibrary",
        "/opt/deploys/openlibrary/openlibrary",
        "/opt/openlibrary/deploys/openlibrary/<commit>",
    ),
}


@pytest.mark.parametrize("name", DOCKER)
def test_every_docker_host_has_the_layout_of_the_page(shipped: FleetSpec, name: str) -> None:
    sections = shipped.hosts[name].sections
    assert {path: f"{rule.presence} {rule.type}" for path, rule in sections["paths"].items()} == LAYOUT
    assert {link: rule.target.values for link, rule in sections["symlinks"].items()} == LINKS


def test_memcached_reserve_is_that_of_the_page(shipped: FleetSpec) -> None:
    for name in BARE[3:]:
        rule = shipped.hosts[name].sections["memcached"]
        assert (rule.reserve.least, rule.reserve.most) == ("256 MiB", "768 MiB")
        assert (rule.address, rule.port, rule.config) == ("127.0.0.1", 11211, "/etc/memcached.conf")


def test_rollout_and_retired_names_are_those_of_the_page(shipped: FleetSpec) -> None:
    assert (shipped.name, shipped.domain) == ("openlibrary", "us.archive.org")
    assert " ".join(shipped.rollout) == "ol-dev ol-web1 ol-web2 ol-solr1 ol-solr0 ol-covers0 ol-home0 ol-www0"
    assert {old: (new.replaced_by, new.issue) for old, new in shipped.retired.items()} == {
        "ol-mem3": ("ol-mem2", "internetarchive/olsystem#145"),
        "ol-mem4": ("ol-mem1", "internetarchive/olsystem#144"),
        "ol-mem5": ("ol-mem0", "internetarchive/olsystem#138"),
    }


def test_every_source_is_the_line_of_its_key(shipped: FleetSpec) -> None:
    for host in shipped.hosts.values():
        for at, place in host.places.items():
            if at and isinstance(at[-1], str):
                line = (ROOT / place.file).read_text().splitlines()[place.line - 1]
                assert at[-1].replace(host.name, "{host}") in line.replace(host.name, "{host}"), (host.name, at)


def test_source_of_the_double_hyphen_is_its_line(shipped: FleetSpec) -> None:
    host: HostSpec = shipped.hosts["ol-www0"]
    file, _, line = host.source(("containers", 0, "hostname", "accept", 0)).rpartition(":")
    assert file == "expected/hosts/ol-www0.yaml"
    assert "docker-ol-www0--web_haproxy-1" in (ROOT / "hosts/ol-www0.yaml").read_text().splitlines()[int(line) - 1]
    assert host.source(("containers", 0, "restart")).startswith("expected/roles/docker-host.yaml:")


def test_second_of_two_containers_with_one_name_is_a_problem(tmp_path: Path) -> None:
    text = """\
    host: toy1
    containers:
    - {service: a, name: a}
    - service: b
      name: {value: b, accept: [a]}
    """
    files: Files = {"roles/common.yaml": "{}", "roles/extra.yaml": None, "hosts/toy1.yaml": text}
    assert problems(tmp_path, files, CHECKERS) == ["hosts/toy1.yaml:5: two containers are named a"]
