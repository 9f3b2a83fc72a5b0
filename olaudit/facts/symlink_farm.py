"""Symlink farms: the files below a source folder that are not linked from another folder."""

from dataclasses import dataclass
from enum import StrEnum
from operator import itemgetter

from olaudit.facts.answers import has_no_target, incompleteness, is_absent, parse_records, unparsable
from olaudit.model import Answered, Command, Fact, Unknown

SCRIPT = r"""
source=$1 into=$2; shift 2
cd -- "$source" || exit 1
real=$(cd -- "$into" && pwd -P)
find . "$@" ! -type d -exec sh -c '
  into=$1 real=$2 same=0; shift 2
  for file do
    file=${file#./} place=$into/${file#./} said=
    if [ "$place" -ef "$file" ]; then
      same=$((same + 1)); continue
    elif [ ! -e "$place" ]; then
      is=absent; [ -L "$place" ] && is=dangling
      said=$(stat -L -- "$place" 2>&1 >/dev/null); said=${said##*: }
    else
      if ! end=$(readlink -f -- "$place"); then is=unread said="readlink failed"
      elif [ -L "$place" ]; then is=leads said=$end
      elif [ "$end" != "$real/$file" ]; then is=under said=$end
      elif [ ! -f "$place" ]; then is=special said=$(stat -c %F -- "$place")
      else
        said=$(cmp -- "$file" "$place" 2>&1)
        case $? in 0) is=equal said=;; 1) is=differs said=;; *) is=unread said=${said##*: };; esac
      fi
    fi
    printf "%s %s//%s//\n" "$is" "$file" "$said"
  done
  printf "same %s//\n" "$same"
' sh "$into" "$real" {} + || exit
printf "end//\n"
"""
"""Prints the state of each file that is not linked, the number of files that are linked, and "end".

$1 is the source, $2 the folder with the links. The other arguments are find's tests for the exceptions. A path
that find or readlink prints never has two slashes in a row, so "//" ends a field for any file name.
"""


class State(StrEnum):
    """State of the place of a file: the path at which it should be linked."""

    ABSENT = "absent"
    DANGLING = "dangling"
    ELSEWHERE = "leads"
    """A link to another file."""
    UNDER_LINK = "under"
    """A file in another folder: a folder above the place is a link to it."""
    SPECIAL = "special"
    """Neither a file nor a link."""
    EQUAL = "equal"
    """A copy that equals the file."""
    DIFFERENT = "differs"
    """A copy that differs from the file."""


@dataclass(frozen=True, slots=True)
class Unlinked:
    """State of a place that is not a link to its file; `detail` is the path that it resolves to, or its type."""

    state: State
    detail: str


@dataclass(frozen=True, slots=True)
class Farm:
    """The files of a farm: those `unlinked`, with their paths in the source, and the number of `linked` ones.

    `unread` is why the lists may be incomplete; None if they are complete.
    """

    unlinked: tuple[tuple[str, Unlinked | Unknown], ...]
    linked: int
    unread: Unknown | None


def symlink_farm(source: str, into: str, exceptions: tuple[str, ...]) -> Fact[Farm]:
    """Build the fact of all files below `source`; `exceptions` are globs relative to it."""
    pruned = [argument for glob in exceptions for argument in ("-path", f"./{glob}", "-prune", "-o")]
    # 1: not all files could be read
    probe = Command(("sh", "-c", SCRIPT, "sh", source, into, *pruned), may_hang=True, statuses=(0, 1))
    return Fact("symlink_farm", probe, _parse)


def _parse(answer: Answered) -> Farm | Unknown:
    records = parse_records(answer)
    if records is None:
        return unparsable("the script", answer)
    unlinked: list[tuple[str, Unlinked | Unknown]] = []
    linked = 0
    for first, *details in records:
        state, _, path = first.partition(" ")
        match details:
            case [detail] if path and state in (*State, "unread"):
                unlinked.append((path, _parse_state(state, detail)))
            case [] if state == "same" and path.isdecimal() and len(path) < 10:
                linked += int(path)
            case _:
                return unparsable("the script", answer)
    return Farm(tuple(sorted(unlinked, key=itemgetter(0))), linked, incompleteness(answer))


def _parse_state(state: str, detail: str) -> Unlinked | Unknown:
    """Parse one state; an absent or dangling place must have the error of one."""
    is_confirmed = {"absent": is_absent(detail), "dangling": has_no_target(detail), "unread": False}
    return Unlinked(State(state), detail) if is_confirmed.get(state, True) else Unknown(detail)
