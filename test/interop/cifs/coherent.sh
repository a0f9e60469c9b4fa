# Two clients on one directory with the default caching: what one writes, makes, renames and removes the other sees: coherent.sh UNC OPTIONS ROUNDS
. "${BASH_SOURCE%/*}/mount.sh"
other=/mnt/other
mkdir -p $other
mounted "$options,nosharesock"
mounted "$options,nosharesock" $other
same "$(ss -Hnt dst 10.77.0.1 | wc -l)" 2
/usr/bin/python3 - $share/both $other/both "$3" <<'PYTHON'
import os, sys, time
one, other, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.mkdir(one)
late = {}

def wait_for(what, seen):
    # a break and the response to the other client take different ways: a client may need a moment
    end = time.monotonic() + 20
    while not seen():
        late[what] = late.get(what, 0) + 1
        assert time.monotonic() < end, f'{what}: stale for 20 s'
        time.sleep(0.001)

def content(path):
    with open(path, 'rb') as file:
        return file.read()

places = [(one, other), (other, one)]
started = time.monotonic()
def step(what):
    print(f'{time.monotonic() - started:.1f} s', what, flush=True)

step('what one client writes the other reads')
for n in range(rounds):
    here, there = places[n % 2]
    text = b'%08d' % n + bytes(4096)
    with open(f'{here}/data', 'r+b' if n else 'wb') as file:
        file.write(text)
    wait_for('data', lambda: content(f'{there}/data') == text)

step('the same through descriptors that stay open')
files = [os.open(f'{place}/data', os.O_RDWR) for place in (one, other)]
for n in range(rounds):
    text = b'%08d' % n
    assert os.pwrite(files[n % 2], text, 100) == 8
    os.fsync(files[n % 2])
    wait_for('open data', lambda: os.pread(files[1 - n % 2], 8, 100) == text)
for file in files:
    os.close(file)

step('what one client makes, renames and removes the other lists')
names = {'data'}
for n in range(rounds // 10):
    here, there = places[n % 2]
    name = f'made {n}'
    if n % 3 == 0:
        os.mkdir(f'{here}/{name}')
    else:
        open(f'{here}/{name}', 'w').close()
    names.add(name)
    wait_for('made', lambda: set(os.listdir(there)) == names)
    os.rename(f'{here}/{name}', f'{here}/renamed {n}')
    names = names - {name} | {f'renamed {n}'}
    wait_for('renamed', lambda: set(os.listdir(there)) == names)
    if n % 3 == 0:
        os.rmdir(f'{there}/renamed {n}')
    else:
        os.remove(f'{there}/renamed {n}')
    names.remove(f'renamed {n}')
    wait_for('removed', lambda: set(os.listdir(here)) == names)
step('the end')
print('late', late)
PYTHON
rm -r $share/both
umount $share $other
