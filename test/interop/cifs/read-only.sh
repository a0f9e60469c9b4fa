# A share on which nothing can be changed; it holds `file` with the word text: read-only.sh UNC OPTIONS
. "${BASH_SOURCE%/*}/mount.sh"
mounted "$options"
cd $share
same "$(cat file)" text
refused 'Permission denied' touch new
refused 'Permission denied' dd if=/dev/zero of=file count=0
refused 'Permission denied' mkdir folder
refused 'Permission denied' mv file other
refused 'Permission denied' rm -f file
refused 'Permission denied' touch -d 2001-01-01 file
same "$(ls -A)" file
cd /
umount $share
