# Two mounts that share no connection, so two clients to the server: locks.sh UNC OPTIONS
. "${BASH_SOURCE%/*}/mount.sh"
other=/mnt/other
mkdir -p $other
mounted "$options,nosharesock"
mounted "$options,nosharesock" $other
same "$(ss -Hnt dst 10.77.0.1 | wc -l)" 2
head -c 100 /dev/zero >$share/file

step 'what one client has locked another cannot lock, read or write'
/usr/bin/python3 - $share/file $other/file <<'PYTHON'
import errno, fcntl, os, sys
one, other = (os.open(path, os.O_RDWR) for path in sys.argv[1:])

def refused(call, *words, codes=(errno.EACCES, errno.EAGAIN)):
    try:
        call(*words)
    except OSError as error:
        assert error.errno in codes, error
    else:
        raise AssertionError(f'{call.__name__} {words} was let pass')

fcntl.lockf(one, fcntl.LOCK_EX, length := 10, start := 20)
refused(fcntl.lockf, other, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 25)
refused(fcntl.lockf, other, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, 29)
fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB, 20, 0)
fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 30)
refused(os.pwrite, other, b'x', 25)
assert os.pwrite(other, b'y', 35) == 1
fcntl.lockf(one, fcntl.LOCK_UN, length, start)
fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
fcntl.lockf(other, fcntl.LOCK_UN)
# shared locks live side by side
fcntl.lockf(one, fcntl.LOCK_SH, 50)
fcntl.lockf(other, fcntl.LOCK_SH | fcntl.LOCK_NB, 50)
refused(fcntl.lockf, other, fcntl.LOCK_EX | fcntl.LOCK_NB, 50)
fcntl.lockf(one, fcntl.LOCK_UN)
fcntl.lockf(other, fcntl.LOCK_UN)
PYTHON

step 'a lock that waits is granted when the other is gone'
/usr/bin/python3 - $share/file $other/file <<'PYTHON'
import fcntl, os, sys
one, other = (os.open(path, os.O_RDWR) for path in sys.argv[1:])
fcntl.lockf(one, fcntl.LOCK_EX, 10)
ready, go = os.pipe()
child = os.fork()
if child == 0:
    os.write(go, b'.')
    fcntl.lockf(other, fcntl.LOCK_EX, 10)
    os._exit(7)
os.read(ready, 1)
assert os.waitpid(child, os.WNOHANG) == (0, 0)
import time
time.sleep(0.5)
assert os.waitpid(child, os.WNOHANG) == (0, 0), 'the lock did not wait'
fcntl.lockf(one, fcntl.LOCK_UN)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
PYTHON

step 'what one client writes the other reads'
echo first >$share/seen
same "$(cat $other/seen)" first
echo second >>$other/seen
sleep 1.1 # the client believes a file's size for a second
same "$(cat $share/seen)" $'first\nsecond'
mv $other/seen $other/moved
same "$(cat $share/moved)" $'first\nsecond'
rm $share/moved $share/file
umount $share $other
