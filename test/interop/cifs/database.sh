# A database that several processes write: database.sh UNC OPTIONS
. "${BASH_SOURCE%/*}/mount.sh"
mounted "$options"
step 'four processes count in one database'
/usr/bin/python3 - $share/database <<'PYTHON'
import os, sqlite3, sys
path = sys.argv[1]
setup = sqlite3.connect(path)
setup.execute('create table counter (value integer)')
setup.execute('insert into counter values (0)')
setup.commit()
setup.close()
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        connection = sqlite3.connect(path, timeout=60, isolation_level=None)
        for _ in range(25):
            connection.execute('begin immediate')
            connection.execute('update counter set value = value + 1')
            connection.execute('commit')
        connection.close()
        os._exit(0)
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
connection = sqlite3.connect(path)
assert connection.execute('select value from counter').fetchone() == (100,)
assert connection.execute('pragma integrity_check').fetchone() == ('ok',)
connection.close()
PYTHON
rm $share/database
umount $share
