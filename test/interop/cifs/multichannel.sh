# Writes and reads over several channels while connections are lost, until `stop` exists: multichannel.sh UNC OPTIONS [ROUTE]
. "${BASH_SOURCE%/*}/mount.sh"
[ -z "${3:-}" ] || ip route add $3
mounted "$options,hard,multichannel,max_channels=4,echo_interval=1"
cd $share
head -c 4194304 /dev/urandom >"$local/block"
exec 5>>log
echo begun >&5
touch begun

step 'work while connections are lost'
rounds=0
until [ -e stop ]; do
  cp "$local/block" "file-$((rounds % 4))"
  forget
  cmp "$local/block" "file-$((rounds % 4))"
  echo "$rounds" >&5
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
