# What the scripts beside this one share. They are called with the share's UNC name and the mount options.
set -euo pipefail
unc=$1 options=$2 share=/mnt/share local=/mnt/local

step() {
  now=$1
  echo "$now"
}
failed() {
  echo "«$now» failed: $1 (lines ${BASH_LINENO[*]})" >&2
  grep cifs /proc/mounts >&2 || true
}
now='the start'
trap 'failed "$BASH_COMMAND"' ERR
set -o errtrace

# mounts, at $share or where the second word says
mounted() {
  last=$1
  mount.cifs "$unc" "${2:-$share}" -o "$1"
}
# unmounts, mounts as before and comes back
again() {
  local here=$PWD
  cd /
  umount "$share"
  mounted "$last"
  cd "$here"
}
# the client's cache is emptied: what is read next comes from the server
forget() {
  sync
  echo 3 >/proc/sys/vm/drop_caches
}
same() {
  [ "$1" = "$2" ] || { echo "«$now»: '$1' and not '$2'" >&2; return 1; }
}
# refused MESSAGE COMMAND…: the command fails and says so
refused() {
  local wanted=$1 said
  shift
  if said=$(LC_ALL=C "$@" 2>&1); then echo "«$now»: '$*' was let pass" >&2; return 1; fi
  case $said in *"$wanted"*) ;; *) echo "«$now»: '$*' said '$said' and not '$wanted'" >&2; return 1 ;; esac
}
