#!/bin/sh
# recorded.sh RECORD COMMAND...: write this process's pid and start time, then become COMMAND.
# The process does it itself, first of all, so that no moment exists at which it runs and nobody knows of it.
# Inside a new pid namespace /proc is still the outer one at this point: what is written is the outer pid.
set -eu
record=$1
shift
read -r pid _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ started _ </proc/self/stat
echo "$pid $started" >"$record.new"
mv "$record.new" "$record"
cd /
exec "$@"
