# Random calls on the mount and in memory: random-calls.sh UNC OPTIONS SEED…
. "${BASH_SOURCE%/*}/mount.sh"
mounted "$options"
for seed in "${@:3}"; do
  step "seed $seed"
  mkdir $share/$seed $local/$seed
  /usr/bin/python3 "${BASH_SOURCE%/*}/random_calls.py" $share/$seed $local/$seed "$seed" 1500
  rm -r $share/$seed $local/$seed
done
umount $share
