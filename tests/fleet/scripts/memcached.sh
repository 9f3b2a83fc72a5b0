#!/bin/sh
# memcached.sh [ARGUMENT...]: (re)start memcached inside a host: with the arguments, else with those of
# /etc/memcached.conf, read by the script that the service of Debian and Ubuntu runs.
set -u
record=/run/memcached.lab.pid

if [ -s "$record" ]; then
    read -r pid <"$record"
    kill "$pid" 2>/dev/null
    while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
fi

if [ $# -gt 0 ]; then
    setsid memcached "$@" </dev/null >>/var/log/memcached.log 2>&1 &
else
    setsid /usr/share/memcached/scripts/systemd-memcached-wrapper </dev/null >>/var/log/memcached.log 2>&1 &
fi
# setsid and the wrapper both exec, so this is the server's pid.
echo $! >"$record"
