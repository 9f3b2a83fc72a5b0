#!/bin/sh
# init.sh DIR NAME: the first process of a host; builds what the host sees as its machine, then runs rc.sh in it.
# All mounts are private to this process's mount namespace and go when it goes.
set -eu
dir=$1
name=$2
root=$dir/root

hostname "$name"
mount --bind "$root" "$root"
# The machine's programs, read-only, less those this host does not have (DIR/hidden holds overlay whiteouts).
mount -t overlay -o "ro,lowerdir=$dir/hidden:/usr" usr "$root/usr"
mount --bind -o ro /var/lib/dpkg "$root/var/lib/dpkg"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t sysfs -o nosuid,nodev,noexec sysfs "$root/sys"
mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
mount -t tmpfs -o nosuid,nodev,mode=755 run "$root/run"

mount -t tmpfs -o nosuid,mode=755 dev "$root/dev"
for device in null zero full random urandom tty; do
    cp -a "/dev/$device" "$root/dev/$device"
done
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

cd "$root"
pivot_root . .
umount -l .
cd /
exec tini -- sh /.lab/rc.sh
