"""cron: its daemon, and the files of a folder as installed in the folder that cron reads."""

import re
from dataclasses import dataclass
from operator import itemgetter

from olaudit.facts.answers import has_no_target, incompleteness, parse_processes, parse_records, unparsable
from olaudit.model import Answered, Command, Fact, Unknown

SCRIPT = r"""
cd -- "$1" || exit 1
find . -mindepth 1 -maxdepth 1 ! -name ".*" ! -type d -exec sh -c '
  into=$1; shift
  for file do
    file=${file#./} place=$into/${file#./} said=
    if [ "$place" -ef "$file" ]; then
      is=equal
    elif [ ! -e "$place" ]; then
      is=absent said=$(stat -L -- "$place" 2>&1 >/dev/null); said=${said##*: }
    elif [ ! -f "$place" ]; then
      is=special said=$(stat -L -c %F -- "$place")
    else
      said=$(cmp -- "$file" "$place" 2>&1)
      case $? in 0) is=equal said=;; 1) is=differs said=;; *) is=unread said=${said##*: };; esac
    fi
    rights=$(stat -L -c "%u %a" -- "$place" 2>/dev/null; stat -c %u -- "$place" 2>/dev/null)
    printf "%s %s//%s//%s//\n" "$is" "$file" "$said" "$(echo $rights)"
  done
' sh "$2" {} + || exit
printf "end//\n"
"""
"""Prints for each file whether the file in cron's folder is equal, its owner and mode, and the owner of its link.
The last line is "end".

$1 is the source, $2 the folder that cron reads. A field ends with "//", which no file name contains.
"""


_PERMISSIONS = re.compile(r"([0-9]+) ([0-7]{1,5}) ([0-9]+)")
_PROCESS = re.compile(r" *([0-9]{1,10}) +([0-9]{1,10}) +(\S+) *(.*)")


@dataclass(frozen=True, slots=True)
class CronFile:
    """A file in cron's folder: whether it equals its source, the id of its owner, and its mode.

    `link_owner` is the owner of the link if it is one, else that of the file.
    """

    is_equal: bool
    owner: str
    mode: int
    link_owner: str


@dataclass(frozen=True, slots=True)
class SpecialFile:
    """Something in cron's folder that is not a file, such as a directory."""

    type: str


Installed = CronFile | SpecialFile | Unknown | None
"""A file of the source, as installed in cron's folder; None if it is absent there, or a link without a target."""


@dataclass(frozen=True, slots=True)
class CronFiles:
    """The files of the source with their names, sorted. `unread` is why some may be missing; None if none is."""

    installed: tuple[tuple[str, Installed], ...]
    unread: Unknown | None


def cron_files(source: str, into: str) -> Fact[CronFiles]:
    """Build the fact of the files of `source`, as installed in the folder `into`."""
    # 1: some files could not be read
    probe = Command(("sh", "-c", SCRIPT, "sh", source, into), may_hang=True, statuses=(0, 1))
    return Fact("cron.files", probe, _parse_files)


def _parse_files(answer: Answered) -> CronFiles | Unknown:
    records = parse_records(answer)
    if records is None:
        return unparsable("the script", answer)
    installed: list[tuple[str, Installed]] = []
    for record in records:
        state, _, name = record[0].partition(" ")
        if len(record) != 3 or not name or state not in ("equal", "differs", "absent", "special", "unread"):
            return unparsable("the script", answer)
        installed.append((name, _parse_installed(state, *record[1:])))
    return CronFiles(tuple(sorted(installed, key=itemgetter(0))), incompleteness(answer))


def _parse_installed(state: str, detail: str, permissions: str) -> Installed:
    if state == "absent" and has_no_target(detail):
        return None
    if state == "special":
        return SpecialFile(detail)
    match = _PERMISSIONS.fullmatch(permissions)
    if state in ("absent", "unread") or not match:
        return Unknown(detail or permissions)
    owner, mode, link_owner = match.groups()
    return CronFile(state == "equal", owner, int(mode, 8), link_owner)


def _parse_daemon(answer: Answered) -> str | Unknown | None:
    processes = parse_processes(_PROCESS, answer)
    if isinstance(processes, Unknown):
        return processes
    running = [args for _, parent, name, args in processes if name in ("cron", "crond") and parent == "1"]
    return running[0] if any("<defunct>" not in args for args in running) else None


DAEMON: Fact[str | None] = Fact(
    "cron.daemon",
    Command(
        ("ps", "-ww", "-p", "1", "-C", "cron,crond", "-o", "pid=", "-o", "ppid=", "-o", "comm=", "-o", "args="),
        statuses=(0, 1),  # 1: none of them exists
    ),
    _parse_daemon,
)
"""The command line of the cron daemon; None if none is running.

The probe also lists process 1: a list without it is incomplete (/proc mounted with hidepid). The host's `ps` lists
the cron daemons of containers too; the host's own is a child of process 1.
"""
