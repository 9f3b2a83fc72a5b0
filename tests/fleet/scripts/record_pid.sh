#!/bin/sh
# record_pid.sh RECORD COMMAND...: write this process's pid and start time, then exec COMMAND.
# The process does so itself before anything else, so it never runs without a record.
# In a new pid namespace /proc is still that of the outer namespace here, so the record has the outer pid.
set -eu
record=$1
shift
read -r pid _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ started _ </proc/self/stat
echo "$pid $started" >"$record.new"
mv "$record.new" "$record"
cd /
exec "$@"
