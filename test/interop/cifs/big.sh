# 64 MiB there and back, and what the client says of the mount: big.sh UNC OPTIONS FILE
. "${BASH_SOURCE%/*}/mount.sh"

mounted "$options"
grep " $share cifs " /proc/mounts | sed "s|.* cifs ||"

step '64 MiB there and back'
head -c 67108864 /dev/urandom >"$local/big"
cp "$local/big" "$share/$3"
forget
cmp "$local/big" "$share/$3"

step 'read from many places'
part() {
  dd if="$1" bs=70000 count=1 skip="$2" iflag=skip_bytes,fullblock status=none
}
for at in 0 4095 65537 1048575 67108863; do
  same "$(part "$local/big" $at | md5sum)" "$(part "$share/$3" $at | md5sum)"
done
sha256sum "$local/big" | cut -d ' ' -f 1
umount "$share"
rm "$local/big"
