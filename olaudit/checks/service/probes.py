"""The probe for services: one script for the three init systems that the fleet's releases use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from olaudit.model import Answer, Command, Unanswered

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


@dataclass(frozen=True, slots=True)
class ServiceProperties:
    """Key-value pairs that the script printed for one service, in order."""

    pairs: tuple[tuple[str, str], ...]

    def last(self, key: str) -> str:
        """Return the last value of `key`; empty if there is none."""
        return next((value for name, value in reversed(self.pairs) if name == key), "")


def services_probe(names: Iterable[str]) -> Command:
    """Build the probe for all services; it may hang in the program of an init script, or in the message bus."""
    return Command(("sh", "-c", SCRIPT, "sh", *names), may_hang=True)


def parse_services(
    names: tuple[str, ...], answer: Answer
) -> tuple[str, dict[str, ServiceProperties]] | Unanswered:
    """Parse the init system and the properties of each service; output in any other format is rejected."""
    if isinstance(answer, Unanswered):
        return answer
    if not answer.stdout.endswith(_END):
        return Unanswered(f"the output about services is incomplete: {answer.stderr.strip()[:200]!r}")
    head, *blocks = answer.stdout.removesuffix(_END).split("\n\nservice=")
    init = head.strip()
    services: dict[str, ServiceProperties] = {}
    for block in blocks:
        name, *lines = block.split("\n")
        pairs = tuple((key, value) for key, equals, value in (line.partition("=") for line in lines) if equals)
        services[name] = ServiceProperties(pairs)
    if not init.startswith("init=") or "\n" in init or tuple(services) != names or len(blocks) != len(names):
        return Unanswered(f"cannot parse the output about services: {answer.stderr.strip()[:200]!r}")
    return init.removeprefix("init="), services
