# A client that dies with a file locked and half written: die.sh UNC OPTIONS. It is switched off when it has made `ready`.
. "${BASH_SOURCE%/*}/mount.sh"
mounted "$options"
cd $share
exec 5<>file
echo during >&5
sync
flock 5 # after the write: this client refuses to write what it has locked so
touch ready
sleep 1000
