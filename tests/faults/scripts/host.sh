#!/bin/sh
# host.sh DIR NAME: the host of a row in its own namespaces, with private /etc, /run and /home; then sshd runs.
# DIR/setup.sh injects the fault. All mounts end with this process.
set -eu
dir=$1
name=$2
hostname "$name"
mount -t tmpfs upper "$dir/upper"
mkdir "$dir/upper/etc" "$dir/upper/work"
mount -t overlay -o "lowerdir=/etc,upperdir=$dir/upper/etc,workdir=$dir/upper/work" etc /etc
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=755 home /home
mkdir /run/sshd /run/bin
echo 'audit:x:61234:61234::/home/audit:/bin/sh' >>/etc/passwd
echo 'audit:x:61234:' >>/etc/group
echo 'audit:*:19000:0:99999:7:::' >>/etc/shadow
mkdir -m 700 /home/audit
chown 61234:61234 /home/audit
cp "$dir/authorized_keys" /run/authorized_keys
cp "$dir/../host_key" /run/host_key
chmod 644 /run/authorized_keys
. "$dir/setup.sh"
exec /usr/sbin/sshd -D -e -f "$dir/sshd_config"
