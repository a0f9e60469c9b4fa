# A folder is watched for changes by clients, and by the host, which takes `now` away when it sees it and makes `watched/by-the-host`: watch.sh UNC OPTIONS
. "${BASH_SOURCE%/*}/mount.sh"
mounted "$options"
mkdir -p $share/watched/below
watch() {
  /usr/bin/python3 - $share/watched <<'PYTHON'
import fcntl, os, struct, sys
# CIFS_IOC_NOTIFY, cifs_ioctl.h: the completion filter of MS-SMB2 2.2.35, and whether the whole tree is watched
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x4005CF09, struct.pack('=IB', 0x17F, 1))
PYTHON
}
for change in 'touch watched/new' 'mv watched/new watched/below/renamed' 'mkdir watched/below/folder' 'rm watched/below/renamed' 'touch now'; do
  step "$change"
  watch &
  watcher=$!
  sleep 0.5
  kill -0 $watcher
  (cd $share && $change)
  wait $watcher
done
rm -r $share/watched
umount $share
