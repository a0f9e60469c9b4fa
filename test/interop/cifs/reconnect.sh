# The server is killed and started anew while the share is mounted; whoever does so waits for `kill-me` and makes `started`: reconnect.sh UNC OPTIONS
. "${BASH_SOURCE%/*}/mount.sh"
mounted "$options,echo_interval=1"
cd $share
echo before >file
exec 5>>file
echo opened >&5
sync file

step 'the server is gone for a while'
touch kill-me || : # it may be gone before all of that is done
deadline=$((SECONDS + 30))
until [ -e started ]; do
  [ $SECONDS -lt $deadline ]
  sleep 0.2
done 2>/dev/null

step 'the mount works again, for what was open too'
echo after >>other
echo after >&5
exec 5>&-
again
same "$(cat file)" $'before\nopened\nafter'
same "$(cat other)" after
rm kill-me started file other
cd /
umount $share
