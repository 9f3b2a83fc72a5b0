"""Services: whether they run and start at boot, by the init system of the host."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from olaudit.facts.answers import unparsable
from olaudit.model import Answered, Command, Fact, Unknown

SCRIPT = r"""
i=
if [ -d /run/systemd/system ]; then i=systemd
elif command -v initctl >/dev/null; then
  v=$(initctl version 2>/dev/null); r=$?
  case $v in *upstart*) i=upstart ;; *) [ $r -lt 128 ] || exit $r ;; esac
fi
[ -n "$i" ] || read -r i </proc/1/comm || i=
echo "init=$i"
bus=running
if [ "$i" = systemd ] && [ "$(id -u)" != 0 ] &&
  ! grep -Eq ' 03 +[0-9]+ /(var/)?run/dbus/system_bus_socket$' /proc/net/unix; then
  bus=stopped
fi
for s in "$@"; do
  printf '\nservice=%s\n' "$s"
  r=0
  case $i in
  systemd)
    if [ $bus = stopped ]; then r=bus
    else
      systemctl show -p LoadState -p ActiveState -p SubState -p UnitFileState -p WantedBy -p RequiredBy \
        -- "$s.service" || r=$?
    fi ;;
  upstart | init)
    if [ "$i" = upstart ] && [ -e "/etc/init/$s.conf" ]; then
      o=$(initctl status "$s") || r=$?
      printf '%s\n' "$o" | while IFS= read -r l; do printf 'job=%s\n' "$l"; done
      for f in "/etc/init/$s.conf" "/etc/init/$s.override"; do
        [ -e "$f" ] || continue
        o=$(grep -hE '^[[:space:]]*(manual|start[[:space:]]+on)' "$f"); g=$?
        [ $g -le 1 ] || r=$g
        [ -z "$o" ] || printf '%s\n' "$o" | while read -r l; do printf 'stanza=%s\n' "$l"; done
      done
    elif [ -e "/etc/init.d/$s" ]; then
      o=$("/etc/init.d/$s" status 2>&1 </dev/null)
      printf 'status=%s\n' "$?"
      set -f
      printf 'said=%.300s\n' "$(printf '%s ' $o)"
      set +f
      for l in /etc/rc2.d/S[0-9][0-9]"$s"; do [ -e "$l" ] && echo "boot=$l"; done
    else echo absent=yes; fi ;;
  esac
  echo "shown=$r"
done
printf '\nend\n'
"""
"""Prints the init system that runs, then the properties of each service, as lines of `key=value`.

Start at boot: for systemd the state of the unit file, or a unit that wants it; for upstart the last `start on` or
`manual` in its job and override; for System V a start link in runlevel 2, the default of Debian and Ubuntu.
`shown` is the status of the program that was run; if it is not 0, the properties are not used. `shown=bus` means
that systemctl was not run because no message bus runs.

For users other than root, systemctl connects to the message bus, and the connection makes systemd's socket unit
start a stopped bus. systemd itself is a client of a running bus. So a running bus has a connection (state 03), and
a stopped bus has none.
"""

_END = "\n\nend\n"
_NAME = re.compile(r"\n*service=(.*)")
_MAX_LINES = 200  # of a reduced answer


@dataclass(frozen=True, slots=True)
class ServiceState:
    """State of a service. `running` and `boot` are the text to show instead of the default text, if any."""

    is_running: bool
    starts_at_boot: bool
    running: str = ""
    boot: str = ""

    def __str__(self) -> str:
        running = self.running or ("running" if self.is_running else "stopped")
        return f"{running}, {self.boot or ('started at boot' if self.starts_at_boot else 'not started at boot')}"


ServiceStatus = ServiceState | Unknown | None
"""The state of a service; None if the service does not exist."""


@dataclass(frozen=True, slots=True)
class Services:
    """The status of each service, and the init system that manages them: "systemd", "upstart" or "init"."""

    init: str
    statuses: Mapping[str, ServiceStatus]


def services(names: Iterable[str]) -> Fact[Services]:
    """Build the fact of all services. Its probe may hang in an init script, or in the message bus."""
    names = tuple(names)
    probe = Command(("sh", "-c", SCRIPT, "sh", *names), may_hang=True)
    return Fact("services", probe, partial(_parse, names), _reduce)


def _reduce(answer: Answered, keys: frozenset[str]) -> Answered:
    """Keep the properties of the services that the keys name (all of them without keys), and the init system."""
    blocks = ((_NAME.match(block), block) for block in answer.stdout.split("\n\n"))
    selected = "\n\n".join(block for name, block in blocks if not keys or not name or name[1] in keys)
    return replace(answer, stdout="\n".join(selected.split("\n")[:_MAX_LINES]))


def _parse(names: tuple[str, ...], answer: Answered) -> Services | Unknown:
    """Parse the init system and the properties of each service; output in any other format is rejected."""
    if not answer.stdout.endswith(_END):
        return Unknown(f"the output about services is incomplete: {answer.stderr.strip()[:200]!r}")
    head, *blocks = answer.stdout.removesuffix(_END).split("\n\nservice=")
    prefix, equals, init = head.strip().partition("init=")
    properties = dict(map(_parse_block, blocks))
    if prefix or not equals or "\n" in init or tuple(properties) != names or len(blocks) != len(names):
        return unparsable("the services script", answer)
    if not init:
        return Unknown("cannot determine the init system: cannot read the name of process 1")
    if init not in _PARSERS:
        return Unknown(f"unsupported init system: process 1 is {init[:50]!r}, not systemd, upstart or init")
    return Services(init, {name: _parse_status(init, properties[name], answer.stderr) for name in names})


_Properties = Mapping[str, list[str]]
"""The values that the script printed for one service, by key, in order."""


def _parse_block(block: str) -> tuple[str, _Properties]:
    name, *lines = block.split("\n")
    properties: dict[str, list[str]] = {}
    for key, equals, value in (line.partition("=") for line in lines):
        if equals:
            properties.setdefault(key, []).append(value)
    return name, properties


def _last(properties: _Properties, key: str) -> str:
    """Return the last value of `key`; empty if there is none."""
    return properties.get(key, [""])[-1]


def _parse_status(init: str, properties: _Properties, stderr: str) -> ServiceStatus:
    """Parse the properties of one service, unless the program that printed them failed."""
    if (shown := _last(properties, "shown")) == "0":
        status = _PARSERS[init](properties)
    elif shown == "bus":
        status = Unknown(
            "no message bus (D-Bus) runs on this host, and systemctl was not run because it would start one"
        )
    else:
        status = Unknown(f"the command for the status of the service ended with status {shown[:5]}")
    error = stderr.strip()[:200]
    return Unknown(f"{status.reason}: {error}") if isinstance(status, Unknown) and error else status


_PULLED_IN = frozenset({"static", "indirect", "generated"})
"""Unit file states of units that other units start; a generated unit has an init script."""


def _parse_systemd(properties: _Properties) -> ServiceStatus:
    """Parse the output of `systemctl show`.

    An active unit counts as running even if it has exited: such a unit only starts others.
    """
    load, active, sub = (_last(properties, key) for key in ("LoadState", "ActiveState", "SubState"))
    if load == "not-found":
        return None
    if not load or not active:
        return Unknown("systemctl printed nothing about the service")
    if load not in ("loaded", "masked"):
        return Unknown(f"systemd could not load the unit: {load}")
    unit = "masked" if load == "masked" else _last(properties, "UnitFileState")
    is_running = active in ("active", "reloading")
    starts_at_boot = unit == "enabled" or (
        unit in _PULLED_IN and bool(_last(properties, "WantedBy") or _last(properties, "RequiredBy"))
    )
    running = active if active == sub else f"{active} ({sub})"
    if sub == "auto-restart":
        running = "crash-looping"
    if is_running or active == "inactive":
        running = ""
    return ServiceState(is_running, starts_at_boot, running, "masked" if unit == "masked" else "")


_JOB = re.compile(r"\S+(?: \(.*\))? (start|stop)/([a-z-]+).*")


def _parse_upstart(properties: _Properties) -> ServiceStatus:
    """Parse `initctl status` and the job's start condition; a service without a job is parsed as System V."""
    if "job" not in properties:
        if "stanza" in properties:
            return Unknown("initctl printed nothing about the service")
        return _parse_system_v(properties)
    jobs = [match.groups() for line in properties["job"] if (match := _JOB.fullmatch(line))]
    if not jobs:
        return Unknown(f"cannot parse the output of initctl: {_last(properties, 'job')[:200]!r}")
    is_running = ("start", "running") in jobs
    goal, state = jobs[-1]
    running = "" if is_running or goal == "stop" else f"{goal}/{state}"
    return ServiceState(is_running, _last(properties, "stanza").startswith("start"), running)


def _parse_system_v(properties: _Properties) -> ServiceStatus:
    """Parse the LSB status of an init script: 0 running, 1 to 3 stopped, other values unknown."""
    if _last(properties, "absent"):
        return None
    status, output = _last(properties, "status"), _last(properties, "said").strip()
    # Scripts without a `status` action print their usage, and exit as if the service were stopped.
    if status not in ("0", "1", "2", "3") or "usage:" in output.lower():
        return Unknown(
            f"the init script reports no status of the service (exit status {status[:5]}): {output[:200]!r}"
        )
    return ServiceState(status == "0", bool(_last(properties, "boot")))


_PARSERS = {"systemd": _parse_systemd, "upstart": _parse_upstart, "init": _parse_system_v}
"""Parsers by the init system that the script detected."""
