# What people do all day on a mounted share: everyday.sh UNC OPTIONS FOLDER
. "${BASH_SOURCE%/*}/mount.sh"

step 'mount'
mounted "$options"
mkdir "$share/$3"
cd "$share/$3"

step 'write and read'
head -c 3000001 /dev/urandom >"$local/data"
cp "$local/data" data
forget
cmp data "$local/data"
same "$(stat -c %s data)" 3000001
: >empty
same "$(stat -c %s empty)" 0

step 'append, overwrite in the middle, truncate, grow'
for i in 1 2 3; do echo "line $i" >>lines; done
same "$(cat lines)" $'line 1\nline 2\nline 3'
printf LINE | dd of=lines bs=1 seek=7 conv=notrunc status=none
forget
same "$(cat lines)" $'line 1\nLINE 2\nline 3'
truncate -s 6 lines
forget
same "$(cat lines)" 'line 1'
truncate -s 10000 lines
forget
same "$(stat -c %s lines)" 10000
same "$(tail -c 9994 lines | tr -d '\0' | wc -c)" 0

step 'folders and renames'
mkdir -p a/b/c
echo one >a/b/c/one
mv a/b/c/one a/b/two
mv a/b moved
same "$(cat moved/two)" one
echo other >other
mv other moved/two
same "$(cat moved/two)" other
same "$(ls moved)" $'c\ntwo'
refused 'File exists' mkdir moved
refused 'Directory not empty' rmdir moved
refused 'No such file or directory' cat moved/none
refused 'Not a directory' cat moved/two/none
refused 'Is a directory' dd if=/dev/zero of=moved count=0
mkdir full && : >full/x && mkdir target
mv -T full target
same "$(ls target)" x
rm -r a moved target

step 'an unlinked file that is still open'
exec 5>open-and-gone
rm open-and-gone
echo late >&5
exec 5>&-
[ ! -e open-and-gone ]

step 'times'
again # the last handles are closed, and no late write changes the times
touch -d '2001-02-03 04:05:06.789 UTC' data
touch -a -d '2003-12-31 23:59:59 UTC' data # not before the other: the client shows no access time that is
again
same "$(TZ=UTC stat -c %y data)" '2001-02-03 04:05:06.789000000 +0000'
same "$(stat -c %X data)" 1072915199
touch -d '1975-01-01 UTC' empty && touch -d '2106-02-07 UTC' lines
again
same "$(stat -c %Y empty)-$(stat -c %Y lines)" 157766400-4294944000

step 'read-only files'
chmod a-w data
again # or the client takes the attribute it knew before for the present one
same "$(stat -c %A data | tr -d rx)" ----
refused 'Permission denied' dd if=/dev/zero of=data count=0
chmod a+w data
again
echo more >>data
truncate -s 3000001 data

step 'free space'
read -r size total free <<<"$(stat -f -c '%S %b %a' .)"
[ $((size * total)) -gt $((size * free)) ] && [ $((size * free)) -gt 1000000 ]

step 'holes'
truncate -s 1G sparse
printf end | dd of=sparse bs=1 seek=$((2 ** 30 - 3)) conv=notrunc status=none
printf begin | dd of=sparse bs=1 conv=notrunc status=none
forget
same "$(stat -c %s sparse)" $((2 ** 30))
same "$(head -c 5 sparse)-$(tail -c 3 sparse)" begin-end
rm sparse

step 'mapped memory, shared and private'
/usr/bin/python3 - data "$local/data" <<'PYTHON'
import mmap, sys
with open(sys.argv[1], 'rb') as f, mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as m:
    assert m[:] == open(sys.argv[2], 'rb').read()
with open(sys.argv[1], 'r+b') as f, mmap.mmap(f.fileno(), 0) as m:
    m[1_000_000:1_000_006] = b'mapped'
PYTHON
forget
same "$(dd if=data bs=1 skip=1000000 count=6 status=none)" mapped

step 'two processes write one file'
head -c 1000000 /dev/urandom >"$local/halves"
dd if="$local/halves" of=both bs=1000 count=500 conv=notrunc status=none &
first=$!
dd if="$local/halves" of=both bs=1000 skip=500 seek=500 conv=notrunc status=none &
wait $first
wait $!
forget
cmp both "$local/halves"

step '1,000 files in a folder'
mkdir many
(cd many && touch file-{0001..1000})
forget
same "$(ls many | wc -l)" 1000
same "$(ls many | tail -n 1)" file-1000
same "$(find many -name 'file-05*' -size 0 | wc -l)" 100
rm -r many

step 'names'
names=('𝄞 clef 😀.txt' 'Ünïcödé Straße.txt' '文件 名.txt' 'ελληνικά' ' leading and two  inner' 'ends with a dot.' 'ends with a space ' 'colon:star*question?pipe|<>"' '.hidden' '-dash'
  "$(printf 'long%.0s' {1..60}).txt")
mkdir names
for name in "${names[@]}"; do printf %s "$name" >"names/$name"; done
forget
for name in "${names[@]}"; do same "$(cat "names/$name")" "$name"; done
same "$(find names -type f -printf '%f\n' | sort)" "$(printf '%s\n' "${names[@]}" | sort)"
printf '%s\0' "${names[@]}" >list-of-names

step 'inode numbers'
mkdir ids && touch ids/{1..20}
before=$(stat -c '%n %i' ids/*)
same "$(stat -c %i ids/* | sort -u | wc -l)" 20
again
same "$(stat -c '%n %i' ids/*)" "$before"
same "$(ls -i ids | awk '{ print "ids/" $2, $1 }' | sort)" "$(sort <<<"$before")"
rm -r ids

step 'a tree is copied with its times'
cp -a --no-preserve=mode "${BASH_SOURCE%/*}/.." tree
forget
diff -r "${BASH_SOURCE%/*}/.." tree
same "$(cd tree && find . -type f -printf '%P %s %TY-%Tm-%Td %TH:%TM:%.9TS\n' | sort)" \
  "$(cd "${BASH_SOURCE%/*}/.." && find . -type f -printf '%P %s %TY-%Tm-%Td %TH:%TM:%.9TS\n' | sort)"

step 'tar'
tar c -C tree . | (mkdir untarred && tar x -C untarred --no-same-owner --no-same-permissions)
diff -r tree untarred
rm -r untarred

step 'git'
export GIT_AUTHOR_NAME=me GIT_AUTHOR_EMAIL=me@example.org GIT_COMMITTER_NAME=me GIT_COMMITTER_EMAIL=me@example.org
(
  cd tree
  git init -q -b main && git config core.fileMode false
  git add . && git commit -q -m one
  echo more >>uml/init && git commit -qam two
  same "$(git status --porcelain)" ''
  git fsck --strict --no-progress
  git checkout -q HEAD~1
  cmp uml/init "${BASH_SOURCE%/*}/../uml/init"
  git gc -q
)
rm -rf tree

step 'the end: data with its checksum and names stay'
rm lines empty both
forget
sha256sum data >sum
same "$(ls -A)" $'data\nlist-of-names\nnames\nsum'
cd /
umount "$share"
