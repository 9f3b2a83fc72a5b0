"""The Docker Engines of a host: their processes, and whether the engine answers.

Where systemd listens on `/var/run/docker.sock` (`docker.socket`, on every Debian and Ubuntu host), connecting to
it starts a stopped engine, and the engine starts its containers. Therefore the script determines whether an engine
runs before anything connects. It reads /proc and tests whether files exist: it connects to nothing, starts no unit
and needs no `ps`. Pid files are not read: SIGKILL leaves them behind, and a snap has its own.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from olaudit.facts.answers import parse_json, text_at
from olaudit.model import Answered, Command, EngineVersion, Fact, Unknown

DOCKER_SOCKET = "/var/run/docker.sock"

SCRIPT = r"""echo engine-processes
if [ -e /var/run/docker.sock ]; then printf 'socket %s\n' "$(readlink -f /var/run/docker.sock)"; fi
for n in docker.service docker.socket snap.docker.dockerd.service; do
  for u in /etc /run /usr/local/lib /lib /usr/lib; do
    u=$u/systemd/system/$n
    if [ -L "$u" ] || [ -e "$u" ]; then
      if [ -f "$u" ]; then printf 'unit %s\n' "$n"; fi
      break
    fi
  done
done
if [ -f /etc/init/docker.conf ] || [ -f /etc/init.d/docker ]; then echo script; fi
for p in /proc/[0-9]*; do
  { read -r c <"$p/comm"; } 2>/dev/null || continue
  case $p=$c in
    */1=*|*=dockerd|*=dockerd-current|*=docker|*=docker.io|*=docker-current) ;;
    *) continue ;;
  esac
  printf 'process %s\ncommand %s\n' "${p#/proc/}" "$c"
  r=
  { while read -r k v; do
    case $k in State:|NSpid:|Uid:) printf '%s %s\n' "$k" "$v" ;; esac
    case $k$v in Uid:0[!0-9]*) r=root ;; esac
  done <"$p/status"; } 2>/dev/null
  { while read -r k; do printf 'cgroup %s\n' "$k"; done <"$p/cgroup"; } 2>/dev/null
  case $p$r in /proc/1root|*[0-9]) continue ;; esac
  { tr '\n\000' ' \n' <"$p/cmdline" | { h=first; while read -r k; do
    case $h=$k in
      first=*) printf 'argument %s\n' "$k"; h=second ;;
      second=-d|second=daemon|next=*) printf 'argument %s\n' "$k"; h= ;;
      *=-H|*=--host|*=-host) printf 'argument %s\n' "$k"; h=next ;;
      *=-H*|*=--host=*|*=-host=*) printf 'argument %s\n' "$k"; h= ;;
      *) h= ;;
    esac
  done; }; } 2>/dev/null
done
echo end"""
"""Each line of the output begins with a keyword, so that no argument can be mistaken for another kind of line.

Of the arguments, only those that state where a daemon listens are printed: others can hold secrets, such as those
of `docker run -e PASSWORD=...`. Every user can name a process `dockerd`: for processes of users other than root,
the script starts no command.
"""

PROBE = Command(("sh", "-c", SCRIPT))

_DAEMONS = frozenset({"dockerd", "dockerd-current"})
_EARLY = frozenset({"docker", "docker.io", "docker-current"})
"""Before Docker 1.12 client and daemon were one program: `docker -d`, later `docker daemon`."""

_CONTAINER = re.compile(r"[0-9a-f]{64}|kubepods|/lxc[./]|/machine[./]|libpod")
_UNIT = re.compile(r"/([^/]+\.service)(?:/|$)")
_MAX_LINES = 200  # of a reduced answer
_OWN_UNITS = frozenset({"docker.service", "snap.docker.dockerd.service"})
_OWN_HOSTS = frozenset({"fd://", f"unix://{DOCKER_SOCKET}", "unix:///run/docker.sock", "unix://"})


@dataclass(frozen=True, slots=True)
class _Process:
    """A process as the script describes it: the values of each keyword. For pid "", the lines before the first."""

    pid: str
    values: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def value(self, keyword: str) -> str:
        """Return the value of a keyword; "" if it was not printed."""
        return "".join(self.values[keyword][-1:])

    @property
    def display(self) -> str:
        """The arguments that were printed, or the command and the process id."""
        return " ".join(self.values["argument"]) or f"{self.value('command')} (process {self.pid})"


@dataclass(frozen=True, slots=True)
class Engines:
    """The Docker Engines that run on a host, as command lines.

    `serving` serve `/var/run/docker.sock`; `on_other_sockets` serve another socket, as rootless engines do;
    `in_containers` run in containers. `socket` is the target of `/var/run/docker.sock`, empty if there is none.
    `units` are systemd's unit files that exist and are not masked. `systemd` is true if process 1 is systemd, and
    `script` if an upstart job or an init script exists.
    """

    serving: tuple[str, ...] = ()
    on_other_sockets: tuple[str, ...] = ()
    in_containers: tuple[str, ...] = ()
    socket: str = ""
    units: frozenset[str] = frozenset()
    systemd: bool = False
    script: bool = False

    @property
    def foreign_socket(self) -> str:
        """The target of `/var/run/docker.sock` if it is not an engine's socket: Podman can replace Docker."""
        return "" if self.socket.rpartition("/")[2] in ("", "docker.sock") else self.socket


def parse_engines(answer: Answered) -> Engines | Unknown:
    """Parse the answer to `PROBE`. Total.

    Unknown if processes may be missing from the list: then it does not prove that an engine is stopped.
    """
    lines = answer.stdout.split("\n")
    begin = max((n for n, line in enumerate(lines) if line == "engine-processes"), default=None)
    if begin is None or answer.status != 0 or "end" not in lines[begin:]:
        complaint = " ".join(answer.stderr.split())[:200]
        return Unknown(f"the list of processes is incomplete{complaint and f': {complaint}'}")
    processes = _processes(lines[begin + 1 : lines.index("end", begin)])
    if "1" not in processes:
        return Unknown("/proc does not show the processes of other users there (hidepid)")
    return _engines(processes.pop(""), processes)


def _processes(lines: list[str]) -> dict[str, _Process]:
    """Group the lines by process. The lines before the first process, which describe the host, have pid ""."""
    process = _Process("")
    processes = {"": process}
    for line in lines:
        keyword, _, value = line.partition(" ")
        if keyword == "process":
            process = processes[value] = _Process(value)
        else:
            process.values[keyword].append(value)
    return processes


def _engines(host: _Process, processes: dict[str, _Process]) -> Engines:
    first = processes["1"]
    daemons = [process for process in processes.values() if _is_daemon(process)]
    in_containers = [process for process in daemons if _is_inside(process, first)]
    outside = [process for process in daemons if process not in in_containers]
    serving = [process for process in outside if _serves(process)]
    return Engines(
        serving=tuple(process.display for process in serving),
        on_other_sockets=tuple(process.display for process in outside if process not in serving),
        in_containers=tuple(process.display for process in in_containers),
        socket=host.value("socket"),
        units=frozenset(host.values["unit"]),
        systemd=first.value("command") == "systemd",
        script="script" in host.values,
    )


def _is_daemon(process: _Process) -> bool:
    if process.value("State:").startswith(("Z", "X")):
        return False
    command = process.value("command")
    return command in _DAEMONS or (command in _EARLY and process.values["argument"][1:2] in (["-d"], ["daemon"]))


def _is_inside(process: _Process, first: _Process) -> bool:
    """Return whether a process is in a container of this host.

    The host may be a container itself: a container that process 1 is in too does not count.
    """
    containers = {match for path in process.values["cgroup"] for match in _CONTAINER.findall(path)}
    host_containers = {match for path in first.values["cgroup"] for match in _CONTAINER.findall(path)}
    return len(process.value("NSpid:").split()) > 1 or bool(containers - host_containers)


def _serves(process: _Process) -> bool:
    """Return whether a process serves `/var/run/docker.sock`. Processes of other users than root do not count."""
    hosts = list(_hosts(process.values["argument"]))
    units = {match[1] for path in process.values["cgroup"] if (match := _UNIT.search(path))}
    if process.value("Uid:").split()[:1] != ["0"]:
        return False
    if "fd://" in hosts and any("docker" in unit for unit in units) and not units & _OWN_UNITS:
        return False  # a second engine, which systemd started for another socket
    return not hosts or bool(_OWN_HOSTS.intersection(hosts))


def _hosts(arguments: list[str]) -> Iterator[str]:
    """Yield the addresses in an engine's arguments: `-H X`, `-HX`, `-H=X`, `--host X`, `--host=X`."""
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=False):
        if argument in ("-H", "--host", "-host"):
            yield following
        elif match := re.match(r"(?:-H=?|--?host=)(.+)", argument):
            yield match[1]


def _reduce(answer: Answered, _keys: frozenset[str]) -> Answered:
    """Keep the host, process 1 and daemons, also dead ones; of control groups, those of containers and units."""
    selected: list[str] = []
    for block in re.split(r"\n(?=process )", answer.stdout):
        lines = block.split("\n")
        *_, process = _processes(lines).values()
        is_relevant = process.pid in ("", "1") or process.value("command") in _DAEMONS or _is_daemon(process)
        selected += (line for line in lines if line in ("", "end") or (is_relevant and _matters(line)))
    return replace(answer, stdout="\n".join(selected[:_MAX_LINES]))


def _matters(line: str) -> bool:
    return not line.startswith("cgroup ") or bool(_CONTAINER.search(line) or _UNIT.search(line))


def _parse_version(answer: Answered) -> str:
    return text_at(parse_json(answer), "Version") or ""


ENGINES: Fact[Engines] = Fact("engines.processes", PROBE, parse_engines, _reduce)

VERSION: Fact[str] = Fact("engines.version", EngineVersion(), _parse_version)
"""The engine's version, in any form; empty if its answer contains none, and unknown if it does not answer."""
