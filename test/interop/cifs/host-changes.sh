# A client with the default caching reads what the host writes: host-changes.sh UNC OPTIONS ROUNDS
# The host makes `made n` and writes `n` into `file`; the client writes `n` into `seen` when it has seen both. It lists only when it has read `n`: Linux 6.1 ignores a break that
# arrives while it is still working on the response that granted the lease of a directory ("No task to wake"), and shows the old listing from then on.
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
    while content() != f'{n:08}':
        assert time.monotonic() < end, f'round {n}: still {content()}'
        time.sleep(0.001)
    while f'made {n}' not in os.listdir(folder):
        assert time.monotonic() < end, f'round {n}: not listed'
        time.sleep(0.001)
    with open(f'{folder}/seen', 'w') as file:
        file.write(f'{n}')
PYTHON
umount $share
