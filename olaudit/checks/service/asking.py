"""What is asked about services, by one script that knows the three init systems of the fleet's releases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from olaudit.model import Answer, Shell, Unanswered

SCRIPT = r"""
if [ -d /run/systemd/system ]; then i=systemd
elif initctl version 2>/dev/null | grep -q upstart; then i=upstart
else read -r i </proc/1/comm || i=; fi
echo "init=$i"
bus=running
if [ "$i" = systemd ] && [ "$(id -u)" != 0 ] &&
  ! grep -Eq ' 03 +[0-9]+ /(var/)?run/dbus/system_bus_socket$' /proc/net/unix; then
  bus=stopped
  echo 'no message bus (D-Bus) runs there, and systemctl was not run because it would start one' >&2
fi
for s in "$@"; do
  printf '\nservice=%s\n' "$s"
  case $i in
  systemd)
    [ $bus = stopped ] ||
      systemctl show -p LoadState -p ActiveState -p SubState -p UnitFileState -p WantedBy -p RequiredBy \
        -- "$s.service" ;;
  upstart | init)
    if [ "$i" = upstart ] && [ -e "/etc/init/$s.conf" ]; then
      initctl status "$s" | sed 's/^/job=/'
      grep -hEs '^[[:space:]]*(manual|start[[:space:]]+on)' "/etc/init/$s.conf" "/etc/init/$s.override" |
        sed 's/^[[:space:]]*/stanza=/'
    elif [ -e "/etc/init.d/$s" ]; then
      o=$("/etc/init.d/$s" status 2>&1 </dev/null)
      printf 'status=%s\nsaid=' "$?"
      printf %s "$o" | tr '\n' ' ' | head -c 300
      echo
      for l in /etc/rc2.d/S[0-9][0-9]"$s"; do [ -e "$l" ] && echo "boot=$l"; done
    else echo absent=yes; fi ;;
  esac
done
exit 0
"""
"""Says which init system runs, then of each service what that one knows, as lines of `key=value`.

Whether one starts at boot is, for systemd, its unit file's state, or that another unit wants it; for upstart the
last `start on` or `manual` in its job and the override beside it; for System V a start link in runlevel 2, in
which Debian and Ubuntu run.

For all but root, systemctl connects to the message bus, and a socket unit starts a stopped bus upon a connection.
systemd itself is a client of a running bus, so that one has a connection (state 03), and a stopped one has none.
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was said of one service, in order."""

    pairs: tuple[tuple[str, str], ...]

    def last(self, key: str) -> str:
        """Give the last value of `key`; "" if there is none."""
        return next((value for name, value in reversed(self.pairs) if name == key), "")


def look(names: Iterable[str]) -> Shell:
    """Ask for all services at once. It may hang: init scripts are programs of any kind, and a bus may be stuck."""
    return Shell(("sh", "-c", SCRIPT, "sh", *names), may_hang=True)


def facts(names: tuple[str, ...], answer: Answer) -> tuple[str, dict[str, Facts]] | Unanswered:
    """Tell the init system, and the services apart; what does not have the script's own shape is not believed."""
    if isinstance(answer, Unanswered):
        return answer
    head, *blocks = answer.stdout.split("\n\nservice=")
    init = head.strip()
    found: dict[str, Facts] = {}
    for block in blocks:
        name, *lines = block.split("\n")
        pairs = tuple((key, value) for key, equals, value in (line.partition("=") for line in lines) if equals)
        found[name] = Facts(pairs)
    if not init.startswith("init=") or "\n" in init or tuple(found) != names or len(blocks) != len(names):
        return Unanswered(f"what was said of services makes no sense: {answer.stderr.strip()[:200]!r}")
    return init.removeprefix("init="), found
