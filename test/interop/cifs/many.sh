# 10,000 files in one folder: many.sh UNC OPTIONS
. "${BASH_SOURCE%/*}/mount.sh"
mounted "$options"
step '10,000 are made'
mkdir $share/many
cd $share/many
/usr/bin/python3 - <<'PYTHON'
import os
for i in range(10_000):
    os.close(os.open(f'file-{i:05}', os.O_CREAT | os.O_WRONLY | os.O_EXCL))
PYTHON
step 'listed'
forget
same "$(ls -U | wc -l)" 10000
same "$(ls | md5sum)" "$(seq -f 'file-%05.0f' 0 9999 | md5sum)"
same "$(stat -c %s file-05000)" 0
step 'a tenth, then all are removed'
find . -name '*7' -delete
same "$(ls -U | wc -l)" 9000
cd ..
rm -r many
cd /
umount $share
