# Symbolic links, hard links and special files, each way the client knows: links.sh UNC OPTIONS
. "${BASH_SOURCE%/*}/mount.sh"
mounted "$options"
cd $share
echo text >file

step 'without an option the client makes no symbolic links and no FIFOs'
refused 'Operation not supported' ln -s file link
refused 'Operation not permitted' mkfifo fifo

step 'hard links'
ln file hard
echo more >>hard
again
same "$(stat -c %h file)" 2
same "$(stat -c %i file)" "$(stat -c %i hard)"
rm file
same "$(cat hard)" $'text\nmore'
mv hard file

step 'a link that is on the server is followed there'
[ ! -e host-link ] || same "$(cat host-link)" 'behind the link'
cd /
umount $share

step 'mfsymlinks'
mounted "$options,mfsymlinks"
cd $share
ln -s file link
same "$(readlink link)" file
same "$(cat link)" $'text\nmore'
mkdir sub
ln -s ../file sub/up
same "$(cat sub/up)" $'text\nmore'
ln -s sub folder-link
same "$(ls folder-link/)" up
ln -s none dangling
refused 'No such file' cat dangling
again
same "$(readlink link sub/up folder-link dangling)" $'file\n../file\nsub\nnone'
cp -a . $local/links
same "$(readlink $local/links/sub/up)" ../file
rm -r link sub folder-link dangling $local/links
cd /
umount $share

step 'sfu'
mounted "$options,sfu"
cd $share
mkfifo fifo
mknod null c 1 3
again
same "$(stat -c %F fifo null)" $'fifo\ncharacter special file'
rm fifo null file
cd /
umount $share
