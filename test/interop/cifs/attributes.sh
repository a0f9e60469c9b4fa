# What is known of a file beside its data, and the calls of one file system to another: attributes.sh UNC OPTIONS
. "${BASH_SOURCE%/*}/mount.sh"
mounted "$options"
mkdir $share/d
cd $share/d

step 'extended attributes'
/usr/bin/python3 - <<'PYTHON'
import errno, os
open('file', 'w').close()
os.setxattr('file', 'user.colour', b'blue')
os.setxattr('file', 'user.bytes', bytes(range(256)))
assert os.getxattr('file', 'user.colour') == b'blue'
assert os.getxattr('file', 'user.bytes') == bytes(range(256))
names = {name.lower() for name in os.listxattr('file')}
assert {'user.colour', 'user.bytes'} <= names, names
os.removexattr('file', 'user.bytes')
assert 'user.bytes' not in {name.lower() for name in os.listxattr('file')}
try:
    os.getxattr('file', 'user.none')
except OSError as error:
    assert error.errno == errno.ENODATA, error
else:
    raise AssertionError
# the server's own words through the client: descriptor, attributes, creation time
assert os.getxattr('file', 'system.cifs_acl')[0] == 1
assert len(os.getxattr('file', 'user.cifs.dosattrib')) == 4
assert len(os.getxattr('file', 'user.cifs.creationtime')) == 8
PYTHON

step 'birth time'
born=$(stat -c %W file)
[ "$born" -gt 1700000000 ]
touch -d 2001-01-01 file
again
same "$(stat -c %W file)" "$born"

step 'ranges copied by the server, holes told and punched'
/usr/bin/python3 - <<'PYTHON'
import ctypes, errno, os
data = os.urandom(5_000_000)
with open('source', 'wb') as f:
    f.write(data)
one, other = os.open('source', os.O_RDWR), os.open('target', os.O_RDWR | os.O_CREAT)
done = 0
while done < len(data):
    step = os.copy_file_range(one, other, len(data) - done, done, done)
    assert step > 0
    done += step
os.close(other)
assert open('target', 'rb').read() == data

fallocate = ctypes.CDLL(None, use_errno=True).fallocate
fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
KEEP, PUNCH, ZERO = 1, 2, 16
sparse = os.open('sparse', os.O_RDWR | os.O_CREAT)
os.pwrite(sparse, b'a' * 2_000_000, 0)
assert fallocate(sparse, PUNCH | KEEP, 524288, 1048576) == 0, os.strerror(ctypes.get_errno())
os.fsync(sparse)
expected = b'a' * 524288 + bytes(1048576) + b'a' * (2_000_000 - 524288 - 1048576)
assert os.pread(sparse, 2_000_000, 0) == expected
assert os.lseek(sparse, 0, os.SEEK_DATA) == 0
assert os.lseek(sparse, 0, os.SEEK_HOLE) == 524288
assert os.lseek(sparse, 524288, os.SEEK_DATA) == 524288 + 1048576
os.close(sparse)
assert open('sparse', 'rb').read() == expected
PYTHON

step 'a descriptor that is read and changed'
getcifsacl file 2>/dev/null | grep -qx 'ACL:S-1-1-0:ALLOWED/I/FULL'
setcifsacl -S ACL:S-1-1-0:ALLOWED/0x0/READ file
getcifsacl file 2>/dev/null | grep -qx 'ACL:S-1-1-0:ALLOWED/0x0/READ'
refused 'Permission denied' dd if=/dev/zero of=file count=0
setcifsacl -a ACL:S-1-1-0:ALLOWED/0x0/FULL file
: >>file
smbinfo secdesc file | grep -qx 'Revision: 1'
same "$(smbinfo filestandardinfo source | grep -c '^End Of File: 5000000$')" 1

step 'the other way to mount: owner and rights from the descriptor'
cd /
umount $share
mounted "$options,cifsacl"
stat -c '%U %A' $share/d/file >/dev/null
umount $share

step 'nothing cached'
mounted "$options,cache=none"
cd $share/d
cmp source target
echo direct >direct
echo more >>direct
same "$(cat direct)" $'direct\nmore'
cd ..
rm -r d
cd /
umount $share
