# What mount says when it cannot: errors.sh UNC OPTIONS
. "${BASH_SOURCE%/*}/mount.sh"
vers=vers=3.1.1,${options%%,*}

step 'log-on'
refused 'mount error(13)' mounted "$vers,sec=ntlmssp,user=$user,pass=not-$password"
refused 'mount error(13)' mounted "$vers,sec=ntlmssp,user=nobody-knows,pass=$password"
refused 'mount error(13)' mounted "$vers,sec=none"

step 'share'
unc=${unc%/*}/none refused 'mount error(2)' mounted "$options"
unc=$unc/none refused 'mount error(2)' mounted "$options"

step 'dialect and extensions that the server has not'
refused 'mount error(95)' mounted "${options/vers=3.1.1/vers=1.0}"
refused 'mount error(95)' mounted "$options,posix"

step 'after all that'
mounted "$options"
ls $share >/dev/null
umount $share
