#!/bin/sh
# Boots systemd as the first process of namespaces of its own, over this machine's files: what it writes is memory, and gone with it.
# boot.sh FOLDER CHECKOUT   FOLDER is empty and stays so; CHECKOUT is /opt/ring3 there
set -eu
folder=$1 checkout=$2
root=$folder/root

mount -t tmpfs tmpfs "$folder"
mkdir "$root" "$folder/upper" "$folder/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$root"
mkdir -p "$root/opt/ring3"
mount --bind "$checkout" "$root/opt/ring3"

mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"

# control groups, below the one that this script is in: one hierarchy, or those of version 1
if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
  mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
  mkdir "$root/sys/fs/cgroup/systemd" "$root/sys/fs/cgroup/unified"
  mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/unified"
fi

# nothing of this machine's own services
rm -rf "$root/etc/systemd/system"
mkdir "$root/etc/systemd/system"
: >"$root/etc/fstab"
# the command and its runtime, as an installation has them
rm -f "$root/usr/local/bin/node" "$root/usr/local/bin/ring3"
ln -s /opt/ring3/node_modules/node/bin/node "$root/usr/local/bin/node"
ln -s /opt/ring3/packages/cli/bin/ring3.js "$root/usr/local/bin/ring3"
cp "$checkout/deploy/ring3.service" "$checkout/deploy/ring3.socket" "$root/etc/systemd/system/"
cp "$checkout/deploy/ring3.sysusers" "$root/usr/lib/sysusers.d/ring3.conf"
ip link set lo up

mkdir "$root/before"
cd "$root"
pivot_root . before
umount -l /before
exec env -i container=ring3-interop PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --unit=multi-user.target --log-target=journal --show-status=0 </dev/null
