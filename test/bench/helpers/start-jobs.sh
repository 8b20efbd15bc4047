# shellcheck shell=sh
# Starts jobs, each with a link, and says "SPAWN CHILD LINK", their processes, for each. A shell forks in a fraction of the
# time that Node takes, and what a process has used before it executes counts as its own.
#
#   start-jobs.sh COUNT DIRECTORY IOMUX-SPAWN IOMUX-LINK COMMAND [ARG...]     links write to descriptor 3
count=$1 directory=$2 spawn=$3 link=$4
shift 4
mkfifo "$directory/words"
exec 9<> "$directory/words"
i=0
while [ $((i += 1)) -le "$count" ]; do
  mkdir "$directory/$i"
  "$spawn" "$directory/$i" "$@" < /dev/null >&9 2> /dev/null 3>&- 9>&- &
  spawned=$!
  while read -r word <&9; do
    case $word in child_pid=*) break ;; esac
  done
  "$link" "$directory/$i" < /dev/null >&3 2> /dev/null 3>&- 9>&- &
  echo "$spawned ${word#child_pid=} $!"
done
exec 3>&- 9>&- > /dev/null
wait
