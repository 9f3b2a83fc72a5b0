"""Drift injected into the simulated fleet: an explicit list, with the findings that an audit must report."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from olaudit.demo.faults import HostFault
from olaudit.demo.present import RECORDED_AT, docker_time
from olaudit.demo.recorded import Argv, RecordedHost
from olaudit.evaluate import REACHABLE

Change = Callable[[RecordedHost], RecordedHost]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A drift on one host, and the `findings` that an audit must report, as (check, subject).

    `change` returns the host unchanged where it does not apply, so other fleets can be simulated too.
    """

    host: str
    description: str
    findings: tuple[tuple[str, str], ...]
    change: Change = lambda host: host
    fault: HostFault | None = None


# --- changes of answers ----------------------------------------------------------------------------------------


def rename_container(name: str, other: str) -> Change:
    """Rename a container."""
    return lambda host: host.edit_container(name, lambda inspect: {**inspect, "Name": f"/{other}"})


def set_hostname(name: str, hostname: str) -> Change:
    """Set another hostname in a container."""
    return _update_inspect(name, "Config", {"Hostname": hostname})


def stop_container(name: str, *, code: int, ago: float) -> Change:
    """Stop a container; `ago` is in seconds."""
    finished = docker_time(RECORDED_AT - ago)
    state = {"Status": "exited", "Running": False, "ExitCode": code, "FinishedAt": finished}
    return _update_inspect(name, "State", state)


def restart_loop(name: str, *, restarts: int, code: int) -> Change:
    """Put a container into a restart loop."""
    state = {
        "Status": "restarting",
        "Running": True,
        "Restarting": True,
        "ExitCode": code,
        "StartedAt": docker_time(RECORDED_AT - 9),
        "FinishedAt": docker_time(RECORDED_AT - 7),
    }

    def change(host: RecordedHost) -> RecordedHost:
        restarting = _update_inspect(name, "State", state)(host)
        return restarting.edit_container(name, lambda inspect: {**inspect, "RestartCount": restarts})

    return change


def _update_inspect(name: str, part: str, values: dict[str, object]) -> Change:
    return lambda host: host.edit_container(name, lambda inspect: {**inspect, part: {**inspect[part], **values}})


def redirect_link(path: str, target: str) -> Change:
    """Change the target of an existing symbolic link."""

    def link_text(_argv: Argv, stdout: str) -> str:
        return re.sub(rf"(?m)^(l\t.\t{re.escape(path)}\t).*$", rf"\1{target}", stdout)

    def resolved(argv: Argv, stdout: str) -> str:
        paths = argv[argv.index("--") + 1 :]
        lines = (target if own == path else line for own, line in zip(paths, stdout.splitlines(), strict=True))
        return "".join(f"{line}\n" for line in lines)

    return lambda host: host.edit("find", link_text, path).edit("readlink", resolved, path)


def empty_folder(folder: str) -> Change:
    """Remove everything in a folder whose files were listed."""
    # the listing ends with a line for the folder itself
    return lambda host: host.edit("find", lambda _argv, _stdout: "/\n", f"{folder}/")


def set_memory_limit(mib: int) -> Change:
    """Run memcached with another limit, in its configuration too."""

    def option(_argv: Argv, stdout: str) -> str:
        return re.sub(r"(?m)(^| )-m [0-9]+", rf"\1-m {mib}", stdout)

    def setting(_argv: Argv, stdout: str) -> str:
        return re.sub(r"STAT maxbytes [0-9]+", f"STAT maxbytes {mib << 20}", stdout)

    return lambda host: (
        host.edit("head", option, "/etc/memcached.conf").edit("ps", option, "memcached").edit("bash", setting)
    )


# --- the drift of the demo -------------------------------------------------------------------------------------

DRIFTS = (
    Drift(
        host="ol-covers0",
        description="covers_nginx has Compose v1's separators in its name: openlibrary_covers_nginx_1",
        findings=(("container.name", "openlibrary-covers_nginx-1"),),
        change=rename_container("openlibrary-covers_nginx-1", "openlibrary_covers_nginx_1"),
    ),
    Drift(
        host="ol-db2",
        description="nothing listens on its SSH port: its state is unknown, and unknown is never ok",
        findings=((REACHABLE.id, "host"),),
        fault=HostFault.PORT_CLOSED,
    ),
    Drift(
        host="ol-home0",
        description="importbot was stopped two days ago and not started again",
        findings=(("container.state", "openlibrary-importbot-1"),),
        change=stop_container("openlibrary-importbot-1", code=143, ago=2 * 86400.0),
    ),
    Drift(
        host="ol-mem1",
        description="memcached runs with the default limit of 64 MB on a machine with 9.7 GiB of memory",
        findings=(("memcached.configured", "memcached"),),
        change=set_memory_limit(64),
    ),
    Drift(
        host="ol-solr0",
        description="solr exits after every start, and Docker restarts it",
        findings=(("container.restarts", "openlibrary_solr_1"),),
        change=restart_loop("openlibrary_solr_1", restarts=217, code=1),
    ),
    Drift(
        host="ol-solr1",
        description="the GeoIP data is missing from /opt/openlibrary/maxmind-geoip",
        findings=(("path.missing", "/opt/openlibrary/maxmind-geoip/*.dat"),),
        change=empty_folder("/opt/openlibrary/maxmind-geoip"),
    ),
    Drift(
        host="ol-web2",
        description="the link of the active openlibrary deploy points to the olsystem deploy",
        findings=(("symlink.target", "/opt/openlibrary/openlibrary"),),
        change=redirect_link("/opt/openlibrary/openlibrary", "/opt/openlibrary/deploys/olsystem/olsystem"),
    ),
    Drift(
        host="ol-www0",
        description="the hostname of web_nginx is ol-www0, not docker-ol-www0-web_nginx-1",
        findings=(("container.hostname", "openlibrary-web_nginx-1"),),
        change=set_hostname("openlibrary-web_nginx-1", "ol-www0"),
    ),
)
"""Seven drifts, each of another check, and an unreachable host."""
