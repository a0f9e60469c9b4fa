# What mount says when it cannot: errors.sh UNC OPTIONS, and USER and PASSWORD in the environment
. "${BASH_SOURCE%/*}/mount.sh"

step 'log-on'
refused 'mount error(13)' mounted "${options/pass=$PASSWORD/pass=not-$PASSWORD}"
refused 'mount error(13)' mounted "${options/user=$USER/user=nobody-knows}"
refused 'mount error(13)' mounted "${options/sec=ntlmssp/sec=none}"

step 'share'
unc=${unc%/*}/none refused 'mount error(2)' mounted "$options"
unc=$unc/none refused 'mount error(2)' mounted "$options"

step 'dialect and extensions that the server has not'
refused 'mount error(' mounted "${options/vers=3.1.1/vers=1.0}"
refused 'mount error(95)' mounted "$options,posix"

step 'after all that'
mounted "$options"
ls $share >/dev/null
umount $share
