"""The lab conforms to the wiki page, which all tests that use it presuppose."""

import subprocess
from pathlib import Path

import pytest

from tests.fleet import engine
from tests.fleet.lab import Lab
from tests.fleet.processes import run, wait_for

# Literal, not computed: the lab must have exactly these names of the page.
CONTAINERS = {
    "ol-covers0": {
        "openlibrary-covers-1": "docker-ol-covers0-covers-1",
        "openlibrary-covers-2": "docker-ol-covers0-covers-2",
        "openlibrary-covers_nginx-1": "docker-ol-covers0-covers_nginx-1",
    },
    "ol-home0": {
        "openlibrary-affiliate-server-1": "docker-ol-home0-affiliate-server-1",
        "openlibrary-cron-jobs-1": "docker-ol-home0-cron-jobs-1",
        "openlibrary-importbot-1": "docker-ol-home0-importbot-1",
        "openlibrary-infobase-1": "docker-ol-home0-infobase-1",
        "openlibrary-infobase_nginx-1": "docker-ol-home0-infobase_nginx-1",
        "openlibrary-solr-next-updater-1": "docker-ol-home0-solr-next-updater-1",
        "openlibrary-solr-updater-1": "docker-ol-home0-solr-updater-1",
    },
    "ol-solr0": {
        "openlibrary_solr_1": "docker-ol-solr0-solr_1",
        "openlibrary_solr_haproxy_1": "docker-ol-solr0-solr_haproxy_1",
        "openlibrary_solr_restarter_1": "docker-ol-solr0-solr_restarter_1",
    },
    "ol-solr1": {
        "jenkins": "docker-ol-solr1-jenkins",
        "openlibrary_solr_haproxy_1": "docker-ol-solr1-solr_haproxy_1",
        "solr_builder-solr_prod-1": "docker-ol-solr1-solr_prod-1",
    },
    "ol-web1": {"openlibrary-web-1": "docker-ol-web1-web-1"},
    "ol-web2": {"openlibrary-web-1": "docker-ol-web2-web-1"},
    "ol-www0": {
        "openlibrary-web_haproxy-1": "docker-ol-www0-web_haproxy-1",
        "openlibrary-web_nginx-1": "docker-ol-www0-web_nginx-1",
    },
}
BARE = ("ol-backup0", "ol-db1", "ol-db2", "ol-mem0", "ol-mem1", "ol-mem2")
MEMCACHED = ("ol-mem0", "ol-mem1", "ol-mem2")


def test_lab_has_the_hosts_of_the_page(lab: Lab) -> None:
    assert sorted(lab.hosts) == sorted([*CONTAINERS, *BARE])


@pytest.mark.parametrize("name", sorted([*CONTAINERS, *BARE]))
def test_host_accepts_the_auditors_key_and_has_its_name(lab: Lab, name: str) -> None:
    completed = lab.ssh(name, "hostname; id -un")
    assert (completed.returncode, completed.stdout) == (0, f"{name}\naudit\n"), completed.stderr


def test_fully_qualified_name_reaches_the_same_host(lab: Lab) -> None:
    config = run(("ssh", "-F", str(lab.ssh_config), "-G", "ol-web1.us.archive.org")).stdout
    assert f"hostname {lab.hosts['ol-web1'].address}\n" in config


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_of_the_page_are_running(lab: Lab, name: str) -> None:
    show = "{{.Name}} {{.Config.Hostname}} {{.State.Status}}"
    completed = lab.ssh(name, f"docker inspect --format '{show}' $(docker ps -q)")
    expected = [f"/{container} {hostname} running" for container, hostname in CONTAINERS[name].items()]
    assert sorted(completed.stdout.splitlines()) == sorted(expected)


def test_containers_have_the_labels_of_compose(lab: Lab) -> None:
    keys = ("project", "service", "container-number")
    labels = "/".join(f'{{{{index .Config.Labels "com.docker.compose.{key}"}}}}' for key in keys)
    host = lab.hosts["ol-solr1"]
    names = ("solr_builder-solr_prod-1", "openlibrary_solr_haproxy_1", "jenkins")
    assert host.run("docker", "inspect", "--format", labels, *names).stdout.split() == [
        "solr_builder/solr_prod/1",
        "openlibrary/solr_haproxy/1",
        "//",
    ]


@pytest.mark.parametrize("name", BARE)
def test_bare_metal_has_no_docker(lab: Lab, name: str) -> None:
    assert lab.ssh(name, "docker version").returncode == 127
    assert lab.ssh(name, "test -e /var/run/docker.sock").returncode == 1


def test_docker_hosts_agree_on_image_and_commits(lab: Lab) -> None:
    script = (
        "docker image inspect --format '{{.Id}} {{.RootFS.Layers}}' openlibrary/olbase:latest\n"
        "cd /opt/openlibrary\n"
        "for tree in openlibrary olsystem; do git -C $tree rev-parse HEAD; git -C $tree status --short; done"
    )
    answers = {lab.hosts[name].sh(script).stdout for name in CONTAINERS}
    assert len(answers) == 1
    assert len(answers.pop().splitlines()) == 3, "a line for the image, one per commit, none for changes"


@pytest.mark.parametrize("name", CONTAINERS)
def test_deploys_have_the_layout_of_the_page(lab: Lab, name: str) -> None:
    opt = "/opt/openlibrary"
    links = f"readlink -e {opt}/openlibrary {opt}/olsystem"
    completed = lab.ssh(name, f"{links}; ls -d {opt}/venv {opt}/maxmind-geoip/*.dat")
    assert completed.stdout.split() == [
        f"{opt}/deploys/openlibrary/openlibrary",
        f"{opt}/deploys/olsystem/olsystem",
        f"{opt}/maxmind-geoip/GeoLite2-City_20240101.dat",
        f"{opt}/venv",
    ]


@pytest.mark.parametrize("name", MEMCACHED)
def test_memcached_limit_is_300_mb_below_the_memory(lab: Lab, name: str) -> None:
    host = lab.hosts[name]
    assert f"STAT limit_maxbytes {9300 * 1024 * 1024}\n" in host.memcached("stats")
    assert "MemTotal:       10171187 kB" in lab.ssh(name, "cat /proc/meminfo").stdout
    assert "-m 9300" in lab.ssh(name, "ps -C memcached -o args=").stdout


def test_engine_is_reachable_through_ssh(lab: Lab, tmp_path: Path) -> None:
    forwarded = tmp_path / "docker.sock"
    argv = ("ssh", "-F", str(lab.ssh_config), "-N", "-L", f"{forwarded}:/run/docker.sock", "ol-web1")
    with subprocess.Popen(argv) as client:
        try:
            wait_for(lambda: engine.answers(forwarded), "the engine through ssh", seconds=10)
        finally:
            client.terminate()
