# After die.sh: nothing of the dead client is in the way: inherit.sh UNC OPTIONS
. "${BASH_SOURCE%/*}/mount.sh"
mounted "$options"
cd $share
since=$SECONDS
same "$(cat file)" during
exec 5<>file
echo after >&5
flock -n 5
exec 5>&-
again
same "$(cat file)" after
rm file ready
[ $((SECONDS - since)) -lt 30 ] # or it waited for the break of a dead client's oplock to time out
cd /
umount $share
