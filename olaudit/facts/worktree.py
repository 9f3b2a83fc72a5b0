"""The state of a git work tree.

The audit user usually does not own the tree. git refuses such trees ("dubious ownership") unless its command line
sets `safe.directory`. Versions 2.35.2 to 2.37 ignore that setting there: the result is unknown, with the fix.
"""

import re
from dataclasses import dataclass

from olaudit.facts.answers import unparsable
from olaudit.model import Answered, Command, Fact, Unknown

MAX_CHANGES = 50
"""The number of changes that are listed for one tree; there may be more."""

# The script writes nothing: `--no-optional-locks` keeps status from refreshing the index. git before 2.15 does not
# support the option and fails.
# The script runs no program that the tree configures. The fsmonitor hook is off, and no protocol is allowed by
# which git could fetch a missing blob. status is not run where a file, also of a submodule, has a filter program.
# git also reports "not a git repository" for a .git that it cannot read. For a folder within another repository it
# reports on that repository. The script detects both cases first. git exits with 128 on errors, with 129 for an
# option that it does not support; rev-parse and symbolic-ref exit with 1 where there is no value. Other statuses
# come from the script itself.
_SCRIPT = rf"""command -v git >/dev/null || {{ echo 'git is not installed there' >&2; exit 3; }}
GIT_NO_LAZY_FETCH=1 GIT_ALLOW_PROTOCOL=none; export GIT_NO_LAZY_FETCH GIT_ALLOW_PROTOCOL
g() {{ git --no-optional-locks -c 'safe.directory=*' -c core.fsmonitor= -C "$p" "$@"; }}
o() {{ case $2 in 0) printf '%s\n' "$1" ;; 1) echo - ;; *) exit "$2" ;; esac; }}
filtered() {{
  g config --get-regexp '^filter\..*\.(clean|process)$' >/dev/null
  case $? in
  0) v=$(g ls-files -- . ':(exclude,attr:!filter)') || return 2; [ -z "$v" ] || return 0 ;;
  1) ;;
  *) return 2 ;;
  esac
  v=$(g ls-files -s) || return 2
  v=$(printf '%s\n' "$v" | grep '^160000 ')
  case $? in 0) t=$(printf '\t') ;; 1) return 1 ;; *) return 2 ;; esac
  printf '%s\n' "$v" | while IFS= read -r s; do
    case $s in *"$t"'"'*) exit 3 ;; '160000 '*"$t"?*) s=${{s#*"$t"}} ;; *) exit 2 ;; esac
    [ -e "$p/$s/.git" ] || continue
    (p=$p/$s; filtered)
    case $? in 0) exit 3 ;; 1) ;; *) exit 2 ;; esac
  done
  case $? in 0) return 1 ;; 3) return 0 ;; *) return 2 ;; esac
}}
p=$1 here=whole
up=$(g rev-parse --show-cdup); r=$?
case $r in 0) [ -z "$up" ] || here=inside ;; 128 | 129) here=failed ;; *) exit $r ;; esac
if [ $here != whole ] && [ -e "$p/.git" ] && [ ! -r "$p/.git/HEAD" ]; then here=unreadable; fi
echo $here
[ $here = whole ] || exit 0
v=$(g rev-parse -q --verify HEAD); o "$v" $?
v=$(g rev-parse -q --verify 'HEAD^{{tree}}'); o "$v" $?
v=$(g symbolic-ref -q --short HEAD); o "$v" $?
filtered
case $? in 0) echo filtered; exit 0 ;; 1) ;; *) exit 4 ;; esac
{{ g status --porcelain; echo "end $?"; }} | head -n {MAX_CHANGES + 2}"""

_FILTERED = (
    "git status was not run: files in the tree have a filter, and git status would run its program; "
    "check the tree manually (git config --get-regexp '^filter' lists the filters)"
)
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_END = "end 0"
"""The last line of a complete list of changes: the exit status of `git status`."""
_CHANGE = re.compile(r"[ MTADRCU?!]{2} .+")


@dataclass(frozen=True, slots=True)
class NoRepository:
    """A folder that is not a git repository; `message` describes what was observed instead."""

    message: str


@dataclass(frozen=True, slots=True)
class Worktree:
    """State of a work tree. `commit` and `tree` (of HEAD) are empty before the first commit.

    `branch` is empty when HEAD is detached. `changes` are lines of `git status --porcelain`: two letters, a space,
    and the path, quoted if it has special characters. MAX_CHANGES + 1 lines mean more than MAX_CHANGES.
    """

    commit: str
    tree: str
    branch: str
    changes: tuple[str, ...] | Unknown


def worktree(path: str) -> Fact[Worktree | NoRepository]:
    """Build the fact of the work tree at `path`."""
    return Fact("worktree", Command(("sh", "-c", _SCRIPT, "sh", path), may_hang=True, statuses=(0, 3)), _parse)


def _parse(answer: Answered) -> Worktree | NoRepository | Unknown:
    error = answer.stderr.strip().partition("\n")[0][:300]
    outcome, *lines = answer.stdout.removesuffix("\n").split("\n")
    match outcome if answer.status == 0 and answer.stdout.endswith("\n") else "":
        case "whole" if len(lines) >= 3 and all(line == "-" or _HASH.fullmatch(line) for line in lines[:2]):
            return _parse_worktree(lines, error)
        case "inside":
            return NoRepository("it is a folder within another git repository, not a repository itself")
        case "unreadable":
            return Unknown("its .git is damaged, or the audit user has no permission to read it")
        case "failed":
            return _parse_failure(error)
        case _:
            return Unknown(error) if error else unparsable("git", answer)


def _parse_failure(error: str) -> NoRepository | Unknown:
    if "not a git repository" in error:
        return NoRepository("it is not a git repository")
    if "dubious ownership" in error or "unsafe repository" in error:
        fix = "`git config --system --add safe.directory PATH` on the host allows it"
        return Unknown(f"git on this host refuses to read a tree of another user: {fix}")
    if "no-optional-locks" in error.lower():
        return Unknown("git on this host is older than 2.15 and cannot read the tree without writing to it")
    return Unknown(error or "git failed without an error message")


def _parse_worktree(lines: list[str], error: str) -> Worktree:
    commit, tree, branch = ("" if line == "-" else line for line in lines[:3])
    *changes, last = lines[3:] or [""]
    if (changes, last) == ([], "filtered"):
        return Worktree(commit, tree, branch, Unknown(_FILTERED))
    if len(changes) == MAX_CHANGES + 1 and _CHANGE.fullmatch(last):
        last = _END  # the list was cut, so its last line is missing
    if last != _END or not all(_CHANGE.fullmatch(change) for change in changes):
        return Worktree(commit, tree, branch, Unknown(f"git status failed: {error or 'no reason given'}"))
    return Worktree(commit, tree, branch, tuple(changes))
