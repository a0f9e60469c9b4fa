# A mount with an option for handles that outlive the connection: handles.sh UNC OPTIONS, with persistenthandles or resilienthandles among the options
. "${BASH_SOURCE%/*}/mount.sh"
mounted "$options"
option=${options##*,}

step "the mount has $option"
grep -q "$option" /proc/mounts
cd $share
echo text >"$option"
exec 5>>"$option"
echo more >&5
exec 5>&-
again
same "$(cat "$option")" $'text\nmore'
rm "$option"
cd /
umount $share
