# Without a name or a password: guest.sh UNC OPTIONS, and USER and PASSWORD in the environment
. "${BASH_SOURCE%/*}/mount.sh"
bare=${options/user=$USER,pass=$PASSWORD,sec=ntlmssp,/}

head -c 3000001 /dev/urandom >$local/data
for who in guest sec=none user=stranger,pass=any,sec=ntlmssp; do
  step "$who"
  mounted "$bare,$who"
  cp $local/data $share/data
  again
  cmp $local/data $share/data
  rm $share/data
  same "$(ls -A $share)" ''
  umount $share
done

step 'the user who has a name is no guest'
mounted "$options"
umount $share
refused 'mount error(13)' mounted "${options/pass=$PASSWORD/pass=not-$PASSWORD}"
