# A client that caches by leases asks the server no more: prints the number of requests for repeated calls: counters.sh UNC OPTIONS ROUNDS
. "${BASH_SOURCE%/*}/mount.sh"
mounted "$options"
/usr/bin/python3 - $share "$3" <<'PYTHON'
import os, re, sys
share, rounds = sys.argv[1], int(sys.argv[2])

def requests():
    with open('/proc/fs/cifs/Stats') as stats:
        return sum(map(int, re.findall(r'^SMBs: (\d+)', stats.read(), re.M)))

def count(what, call):
    call()
    before = requests()
    for _ in range(rounds):
        call()
    print('requests', what, requests() - before, flush=True)

def read_whole(path):
    with open(path, 'rb') as file:
        assert len(file.read()) == 10_000

os.mkdir(f'{share}/dir')
for n in range(5):
    with open(f'{share}/dir/{n}', 'wb') as file:
        file.write(bytes(10_000))
count('open-read-close', lambda: read_whole(f'{share}/dir/1'))
kept = os.open(f'{share}/dir/2', os.O_RDONLY)
count('stat', lambda: os.stat(f'{share}/dir/2'))
count('fstat', lambda: os.fstat(kept))
count('read', lambda: os.pread(kept, 4096, 0))
count('list the root', lambda: os.listdir(share))
count('list', lambda: os.listdir(f'{share}/dir'))
os.close(kept)
PYTHON
rm -r $share/dir
umount $share
