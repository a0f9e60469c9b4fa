"""The same random calls on a mounted folder and on one in memory: random_calls.py MOUNTED LOCAL SEED COUNT. Both answer alike and end alike."""
import errno, os, random, sys

mounted, local, seed, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
chance = random.Random(seed)
names = ['a', 'bb', 'Ünï', '文件', '𝄞 clef', 'with space', 'dot.', 'x' * 200]
# a client of SMB cannot tell these apart, or the file systems differ rightfully
alike = {errno.EPERM: errno.EACCES, errno.ENOTEMPTY: errno.EEXIST}


def path():
    depth = chance.choice((1, 1, 2, 2, 3))
    return '/'.join(chance.choice(names) for _ in range(depth))


def write(root, name, at, data, flags):
    fd = os.open(f'{root}/{name}', os.O_RDWR | os.O_CREAT | flags, 0o755)
    try:
        return os.pwrite(fd, data, at)
    finally:
        os.close(fd)


def read(root, name, at, length):
    fd = os.open(f'{root}/{name}', os.O_RDONLY)
    try:
        return os.pread(fd, length, at)
    finally:
        os.close(fd)


def utime(root, name, seconds):
    os.utime(f'{root}/{name}', (seconds, seconds))
    return os.stat(f'{root}/{name}').st_mtime


def rename(root, old, new):
    try:
        os.rename(f'{root}/{old}', f'{root}/{new}')
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            error.errno = errno.EACCES  # a folder onto one that is not empty: so says SMB
        raise


def kind(root, name):
    found = os.stat(f'{root}/{name}')
    return found.st_mode >> 12, found.st_size if found.st_mode >> 12 == 8 else 0


calls = {
    write: (8, lambda: (path(), chance.randrange(0, 1 << chance.randrange(0, 22)), chance.randbytes(chance.randrange(0, 1 << chance.randrange(0, 18))), chance.choice((0, 0, os.O_TRUNC, os.O_EXCL)))),
    read: (6, lambda: (path(), chance.randrange(0, 1 << 20), chance.randrange(0, 1 << 20))),
    kind: (4, lambda: (path(),)),
    utime: (2, lambda: (path(), chance.randrange(1, 4_000_000_000))),
    (lambda root, name, size: os.truncate(f'{root}/{name}', size)): (3, lambda: (path(), chance.randrange(0, 1 << chance.randrange(0, 22)))),
    (lambda root, name: os.mkdir(f'{root}/{name}')): (4, lambda: (path(),)),
    (lambda root, name: os.rmdir(f'{root}/{name}')): (2, lambda: (path(),)),
    (lambda root, name: os.unlink(f'{root}/{name}')): (3, lambda: (path(),)),
    (lambda root, name: sorted(os.listdir(f'{root}/{name}'))): (3, lambda: (path(),)),
    rename: (5, lambda: (path(), path())),
    (lambda root, old, new: os.link(f'{root}/{old}', f'{root}/{new}')): (1, lambda: (path(), path())),
}


def outcome(call, root, words):
    try:
        return call(root, *words)
    except OSError as error:
        return 'failed', errno.errorcode[alike.get(error.errno, error.errno)]


def tree(root):
    found = {}
    for folder, folders, files in os.walk(root):
        for name in folders:
            found[os.path.relpath(f'{folder}/{name}', root)] = None
        for name in files:
            found[os.path.relpath(f'{folder}/{name}', root)] = open(f'{folder}/{name}', 'rb').read()
    return found


def shown(words):
    return [f'{len(word)} bytes' if isinstance(word, bytes) else word for word in words]


kinds, weights = list(calls), [weight for weight, _ in calls.values()]
for step in range(count):
    call = chance.choices(kinds, weights)[0]
    words = calls[call][1]()
    here, there = outcome(call, local, words), outcome(call, mounted, words)
    if here != there:
        code = calls[call][1].__code__.co_firstlineno
        sys.exit(f'seed {seed}, step {step}, {call.__name__} (line {code}) {shown(words)}: {str(there)[:200]} and not {str(here)[:200]}')
open('/proc/sys/vm/drop_caches', 'w').write('3')
assert tree(local) == tree(mounted), f'seed {seed}: the trees differ'
