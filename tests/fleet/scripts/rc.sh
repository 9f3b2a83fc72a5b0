#!/bin/sh
# rc.sh: start the configured services of a host, inside the host.
set -u
mkdir -p /run/sshd /run/lock /run/memcached
chown memcache /run/memcached
/usr/sbin/sshd
/usr/sbin/cron
if [ -e /etc/docker/daemon.json ]; then
    dockerd >>/var/log/dockerd.log 2>&1 &
fi
if [ -e /etc/memcached.conf ]; then
    sh /.lab/memcached.sh
fi
exec sleep infinity
