"""What is asked about services, by one script that knows the three init systems of the fleet's releases."""

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
"""Says which init system runs, then of each service what that one knows, as lines of `key=value`.

Whether one starts at boot is, for systemd, its unit file's state, or that another unit wants it; for upstart the
last `start on` or `manual` in its job and the override beside it; for System V a start link in runlevel 2, in
which Debian and Ubuntu run. `shown` is the status of the program that was asked: 0, or its facts are not believed.
Or it is `bus`: systemctl was not run, because no message bus runs.

For all but root, systemctl connects to the message bus, and a socket unit starts a stopped bus upon a connection.
systemd itself is a client of a running bus, so that one has a connection (state 03), and a stopped one has none.
"""


_END = "\n\nend\n"


@dataclass(frozen=True, slots=True)
class Facts:
    """What was said of one service, in order."""

    pairs: tuple[tuple[str, str], ...]

    def last(self, key: str) -> str:
        """Give the last value of `key`; "" if there is none."""
        return next((value for name, value in reversed(self.pairs) if name == key), "")


def look(names: Iterable[str]) -> Command:
    """Ask for all services at once. It may hang: init scripts are programs of any kind, and a bus may be stuck."""
    return Command(("sh", "-c", SCRIPT, "sh", *names), may_hang=True)


def facts(names: tuple[str, ...], answer: Answer) -> tuple[str, dict[str, Facts]] | Unanswered:
    """Tell the init system, and the services apart; what does not have the script's own shape is not believed."""
    if isinstance(answer, Unanswered):
        return answer
    if not answer.stdout.endswith(_END):
        return Unanswered(f"the answer about services is incomplete: {answer.stderr.strip()[:200]!r}")
    head, *blocks = answer.stdout.removesuffix(_END).split("\n\nservice=")
    init = head.strip()
    found: dict[str, Facts] = {}
    for block in blocks:
        name, *lines = block.split("\n")
        pairs = tuple((key, value) for key, equals, value in (line.partition("=") for line in lines) if equals)
        found[name] = Facts(pairs)
    if not init.startswith("init=") or "\n" in init or tuple(found) != names or len(blocks) != len(names):
        return Unanswered(f"the answer about services is not understood: {answer.stderr.strip()[:200]!r}")
    return init.removeprefix("init="), found
