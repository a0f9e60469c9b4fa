# A client with the default caching reads what the host writes: host-changes.sh UNC OPTIONS ROUNDS
# The host writes `n` into `file` and makes `made n`; the client writes `n` into `seen` when it has read that.
. "${BASH_SOURCE%/*}/mount.sh"
mounted "$options"
/usr/bin/python3 - $share/dir "$3" <<'PYTHON'
import os, sys, time
folder, rounds = sys.argv[1], int(sys.argv[2])

def content():
    with open(f'{folder}/file') as file:
        return file.read()

for n in range(rounds):
    end = time.monotonic() + 60
    while content() != f'{n:08}' or f'made {n}' not in os.listdir(folder):
        assert time.monotonic() < end, f'round {n}: still {content()}, {os.listdir(folder)}'
        time.sleep(0.001)
    with open(f'{folder}/seen', 'w') as file:
        file.write(f'{n}')
PYTHON
umount $share
