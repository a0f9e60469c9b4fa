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
mv hard other
rm file
same "$(cat other)" $'text\nmore'
mv other file
ln file hard

step 'what is on the server: links are followed inside the share, and there are no special files'
same "$(ls)" $'dangling\nfile\nhard\nhost-link\noutside\ntarget'
same "$(cat host-link)" 'behind the link'
# a link whose target cannot be reached is shown as a link (decision 0070), which Linux 6.1 does not follow
same "$(stat -c %F outside dangling)" $'symbolic link\nsymbolic link'
refused 'Operation not supported' cat outside
refused 'Operation not supported' cat dangling
refused 'Permission denied' cat pipe
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
ln -s none nowhere
refused 'No such file' cat nowhere
again
same "$(readlink link sub/up folder-link nowhere)" $'file\n../file\nsub\nnone'
mkdir $local/links
cp -a link sub $local/links
same "$(readlink $local/links/sub/up)" ../file
rm -r link sub folder-link nowhere $local/links
cd /
umount $share

step 'sfu'
mounted "$options,sfu"
cd $share
since=$SECONDS
echo x >>file # each first opening is two at once: one that broke the oplock of the other would take 35 seconds
[ $((SECONDS - since)) -lt 30 ]
mkfifo fifo
mknod null c 1 3
again
same "$(stat -c %F fifo null)" $'fifo\ncharacter special file'
rm fifo null file hard
cd /
umount $share
