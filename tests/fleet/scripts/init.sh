#!/bin/sh
# init.sh DIR NAME: the first process of a host; builds the host's view of its machine, then runs rc.sh in it.
# All mounts are private to this process's mount namespace and end with it.
set -eu
dir=$1
name=$2
root=$dir/root
systemd=
[ -e "$dir/cgroup" ] && systemd=yes

# systemd needs its own cgroup tree: DIR/cgroup names the cgroup of this host in the unified hierarchy.
if [ "$systemd" ] && [ $# -eq 2 ]; then
    read -r group <"$dir/cgroup"
    mkdir -p "$group"
    echo 0 >"$group/cgroup.procs"
    exec unshare --cgroup sh "$0" "$dir" "$name" inside
fi

hostname "$name"
ip link set lo up  # here, so that no service starts before it
mount --bind "$root" "$root"
# The machine's programs, read-only, without those that this host does not have (overlay whiteouts in DIR/hidden).
mount -t overlay -o "ro,lowerdir=$dir/hidden:/usr" usr "$root/usr"
mount --bind -o ro /var/lib/dpkg "$root/var/lib/dpkg"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t sysfs -o nosuid,nodev,noexec sysfs "$root/sys"
if [ "$systemd" ]; then
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
    mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
fi
mount -t tmpfs -o nosuid,nodev,mode=755 run "$root/run"

mount -t tmpfs -o nosuid,mode=755 dev "$root/dev"
for device in null zero full random urandom tty; do
    cp -a "/dev/$device" "$root/dev/$device"
done
# for automount units
[ -z "$systemd" ] || cp -a /dev/autofs "$root/dev/autofs"
mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/mqueue"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o nosuid,nodev,mode=1777 shm "$root/dev/shm"
mount -t mqueue mqueue "$root/dev/mqueue"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"

if [ -e "$dir/meminfo" ]; then
    mount --bind "$dir/meminfo" "$root/proc/meminfo"
fi

if [ "$systemd" ]; then
    # The host must not change settings that the machine shares; its network namespace is its own.
    mount -o remount,bind,ro "$root/sys"
    for path in sys sysrq-trigger; do
        [ -e "$root/proc/$path" ] || continue
        mount --bind "$root/proc/$path" "$root/proc/$path"
        mount -o remount,bind,ro "$root/proc/$path"
    done
    mount --bind "$root/proc/sys/net" "$root/proc/sys/net"
    mount -o remount,bind,rw "$root/proc/sys/net"
    # as Debian's tmpfiles.d does
    mkdir "$root/run/lock" "$root/run/memcached"
    mkdir -m 711 "$root/run/sudo"
    chown 110 "$root/run/memcached"
fi

cd "$root"
pivot_root . .
umount -l .
cd /
if [ "$systemd" ]; then
    exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd
fi
exec tini -- sh /.lab/rc.sh
