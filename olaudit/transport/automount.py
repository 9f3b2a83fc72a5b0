"""Guard of the batch that keeps probes from mounting file systems by way of automount points.

An automount point (autofs, `x-systemd.automount`) mounts its file system and starts a unit when a program walks
through it, opens it or reads its free space. The guard is a part of the batch's script. On nearly every host no
automount point exists, or all are mounted; there the guard runs one `grep`. On other hosts it resolves each
absolute path among the arguments of a probe, component by component, without passing through such a point:

- A path that is such a point, or is below it, blocks the probe.
- A point below a path blocks a program that walks a tree.
- A symbolic link below a path that leads to such a point blocks a program that resolves links (`find`, and
  scripts that run `find`). For a program that follows links (`find -L`, `grep -R`), the search extends to the
  folders that the links lead to. A search that takes too long blocks the probe.

A probe with several paths is blocked as a whole. Links in folders that only root can read are not resolved,
even for probes that run with sudo. Mounts below /proc are ignored: systemd makes /proc/sys/fs/binfmt_misc an
automount point, and no probe reads it.
"""

BLOCKED_STATUS = 300
"""Status in the frame of a probe that the guard blocked. No process can end with it: the highest status is 255."""

# U: automount points that are not mounted. B: mounts on or below automount points, such as /net/HOST of autofs.
# Both are lists of lines, with a newline before the first. P: `ID PATH` of all automount points. C: ids of the
# covered points. Shells read mountinfo byte by byte, so `grep` filters it first. The script contains no
# here-documents, because bash writes them to /tmp.
GUARD = r"""set -f
L='
' U='' B='' P='' C=''
IFS=$L
l=$(grep -F ' - autofs ' /proc/self/mountinfo)
for l in $l; do
  m=${l#* * * * }; m=${m%% *}
  case $m in /proc/*) ;; *) P=$P$L${l%% *}' '$m ;; esac
done
unset IFS
decoded() { printf '%s' "$1" | sed 's/\\040/ /g;s/\\011/	/g;s/\\134/\\/g'; }
if [ "$P" ]; then
  P=$P$L
  while read -r l p _ _ m o; do
    case $P in *"$L$p "*) ;; *) continue ;; esac
    case $P in *"$L$p $m$L"*) C="$C $p " ;; esac
    case $o in *' - autofs '*) ;; *) B=$B$L$m ;; esac
  done </proc/self/mountinfo
  IFS=$L
  for l in $P; do
    case $C in *" ${l%% *} "*) ;; *) U=$U$L${l#* } ;; esac
  done
  unset IFS
  if [ "$U" ]; then U=$(decoded "$U"); U=$U$L; fi
  B=$(decoded "$B"); B=$B$L
fi
reached() {
  w=$1 at='' h='' k=0
  while [ "$w" ]; do
    c=${w%%/*}
    case $w in */*) w=${w#*/} ;; *) w='' ;; esac
    case $c in
    '' | .) continue ;;
    ..)
      [ -z "$h" ] || return 0
      w=${at%/*}/$w at=''
      continue ;;
    esac
    at=$at/$c
    case $U in *"$L$at$L"*) h=$at; continue ;; esac
    case $B in *"$L$at$L"*) h='' ;; esac
    if [ -z "$h" ] && [ -L "$at" ]; then
      k=$((k + 1))
      [ $k -le 40 ] || return 1
      l=$(readlink "$at")
      case $l in /*) ;; *) l=${at%/*}/$l ;; esac
      w=$l/$w at=''
    fi
  done
  [ "$h" ]
}
below() {
  for h in $U; do
    case $h in "$1"/*) return 0 ;; esac
  done
  return 1
}
linked() {
  q=$1$L s=$L
  while [ "$q" ]; do
    x=${q%%"$L"*} q=${q#*"$L"}
    case $s in *"$L$x$L"*) continue ;; esac
    s=$s$x$L
    f=$(timeout -k 1 "$T" find "$x/" -maxdepth "$2" -type l -printf '%h//%l\n')
    [ $? -le 123 ] || { h=${U#"$L"}; h=${h%%"$L"*}; return 0; }
    for f in $f; do
      case ${f#*//} in /*) f=${f#*//} ;; esac
      if reached "$f"; then return 0; fi
      if [ $t = followed ] && [ -d "$at/" ]; then
        if below "$at"; then return 0; fi
        q=$q$at$L
      fi
    done
  done
  return 1
}
blocked() {
  case " $* " in
  *' -maxdepth 0 '*) t='' ;;
  *'find -L '* | *' -R '*) t=followed ;;
  *'find '*) t=links ;;
  *'sh -c '* | *'grep '*) t=tree ;;
  *) t='' ;;
  esac
  p='' d=99
  for a; do
    case $p in -maxdepth) d=$a ;; esac
    p=$a
  done
  IFS=$L
  for a; do
    case $a in /*) ;; -*=/*) a=${a#*=} ;; *) continue ;; esac
    case $a/ in /proc/*) continue ;; esac
    if reached "$a"; then printf '%s\n' "$h"; return; fi
    [ "$t" ] || continue
    a=$at
    if below "$a"; then printf '%s\n' "$h"; return; fi
    [ $t != tree ] || continue
    if linked "$a" "$d"; then printf '%s\n' "$h"; return; fi
  done
  return 1
}
"""
