# Writes and reads over several channels while connections are lost, until `stop` exists: multichannel.sh UNC OPTIONS [ROUTE]
. "${BASH_SOURCE%/*}/mount.sh"
[ -z "${3:-}" ] || ip route add $3
mounted "$options,hard,multichannel,max_channels=4,echo_interval=1"
cd $share
head -c 4194304 /dev/urandom >"$local/block"
exec 5>>log
echo begun >&5
touch begun

# This client (6.1) fails some requests that are in flight on a connection that the server closes, with EAGAIN or ECONNABORTED, instead of
# sending them again on another channel: an application repeats them. It does so by itself if the connection is only dead.
repeatedly() {
  for _ in 1 2 3; do if "$@"; then return 0; fi; done
  return 1
}
[ -n "${3:-}" ] && try= || try=repeatedly

step 'work while connections are lost'
rounds=0
until [ -e stop ]; do
  $try cp "$local/block" "file-$((rounds % 4))"
  $try forget
  $try cmp "$local/block" "file-$((rounds % 4))"
  $try echo "$rounds" >&5
  rounds=$((rounds + 1))
  [ $SECONDS -lt 240 ]
done
echo "rounds: $rounds"
exec 5>&-
forget
same "$(wc -l <log)" $((rounds + 1))
rm file-* log begun stop
cd /
umount $share
