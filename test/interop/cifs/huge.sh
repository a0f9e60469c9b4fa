# 5 GiB there and back: huge.sh UNC OPTIONS FILE
. "${BASH_SOURCE%/*}/mount.sh"
mounted "$options"
bytes() {
  /usr/bin/python3 - <<'PYTHON'
import random, sys
block = random.Random(7).randbytes(1 << 20)
for i in range(5 << 10):
    sys.stdout.buffer.write(i.to_bytes(8, 'little') + block[8:])
PYTHON
}
step 'written'
bytes >"$share/$3"
forget
same "$(stat -c %s "$share/$3")" $((5 << 30))
step 'read'
bytes | cmp - "$share/$3"
umount $share
