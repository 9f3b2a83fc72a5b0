"""A git work tree on a host: the one question about it, and its answer. Below the checks, since two kinds read it.

The audit user mostly is not the tree's owner. git refuses such trees ("dubious ownership") unless told otherwise
on its own command line, where versions 2.35.2 to 2.37 do not heed it: they stay unknown, with the remedy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from olaudit.model import Answer, Command, Unanswered

MOST = 50
"""How many changes of one tree are listed; there may be more."""

# Nothing is written: `--no-optional-locks` keeps status from refreshing the index (git before 2.15 does not know
# the option, and answers nothing).
# No program of the tree's is run: its fsmonitor hook is off, no protocol is allowed by which a missing blob could
# be fetched, and status is not run where files, a submodule's too, have a filter whose program is configured.
# git says "not a repository" too of a .git that it may not read, and of a folder within another repository it
# speaks for that one: both are told apart first. git fails with 128, and with 129 of an option it does not know;
# rev-parse and symbolic-ref end with 1 where there is nothing. Any other status is the script's own.
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
{{ g status --porcelain; echo "end $?"; }} | head -n {MOST + 2}"""

_FILTERED = (
    "git status was not run, since it would run the program of a filter that files in the tree have "
    "(git config --get-regexp '^filter'): look at it by hand"
)
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_END = "end 0"
"""The last line of a whole list of changes: the status of `git status`."""
_CHANGE = re.compile(r"[ MTADRCU?!]{2} .+")


@dataclass(frozen=True, slots=True)
class NoRepository:
    """There is a folder, and it is no git repository; `message` says how that shows."""

    message: str


@dataclass(frozen=True, slots=True)
class Worktree:
    """What is checked out. `commit` and `tree` (of HEAD) are empty before the first commit.

    `branch` is empty when HEAD is detached. `changes` are lines of `git status --porcelain`: two letters, a space,
    and the path, quoted where it is odd; MOST + 1 of them stand for more than MOST.
    """

    commit: str
    tree: str
    branch: str
    changes: tuple[str, ...] | Unanswered


def probe(path: str) -> Command:
    """Ask about the work tree at `path`. Equal for whoever asks, and so asked once."""
    return Command(("sh", "-c", _SCRIPT, "sh", path), may_hang=True, statuses=(0, 3))


def read(answer: Answer) -> Worktree | NoRepository | Unanswered:
    """Read the answer. Total."""
    if isinstance(answer, Unanswered):
        return answer
    complaint = answer.stderr.strip().partition("\n")[0][:300]
    here, *lines = answer.stdout.removesuffix("\n").split("\n")
    match here if answer.status == 0 and answer.stdout.endswith("\n") else "":
        case "whole" if len(lines) >= 3 and all(line == "-" or _HASH.fullmatch(line) for line in lines[:2]):
            return _whole(lines, complaint)
        case "inside":
            return NoRepository("it is a folder within another git repository, and none of its own")
        case "unreadable":
            return Unanswered("its .git may not be read by the audit user, or is damaged")
        case "failed":
            return _failed(complaint)
        case _:
            return Unanswered(complaint or f"git's answer is not understood: {answer.stdout[:200]!r}")


def _failed(complaint: str) -> NoRepository | Unanswered:
    if "not a git repository" in complaint:
        return NoRepository("it is not a git repository")
    if "dubious ownership" in complaint or "unsafe repository" in complaint:
        remedy = "`git config --system --add safe.directory PATH` on the host allows it"
        return Unanswered(f"git there does not look into a tree of another user: {remedy}")
    if "no-optional-locks" in complaint.lower():
        return Unanswered("git there is older than 2.15, and would write to the tree to look at it")
    return Unanswered(complaint or "git failed without a word")


def _whole(lines: list[str], complaint: str) -> Worktree:
    commit, tree, branch = ("" if line == "-" else line for line in lines[:3])
    *changes, last = lines[3:] or [""]
    if (changes, last) == ([], "filtered"):
        return Worktree(commit, tree, branch, Unanswered(_FILTERED))
    if len(changes) == MOST + 1 and _CHANGE.fullmatch(last):
        last = _END  # there are more than are listed, and so there is no end of the list
    if last != _END or not all(_CHANGE.fullmatch(change) for change in changes):
        return Worktree(commit, tree, branch, Unanswered(f"git status failed: {complaint or 'no reason given'}"))
    return Worktree(commit, tree, branch, tuple(changes))
