#!/bin/sh
# wshd runs this on the host, in the container's directory; PID is the container's first process.
set -e
read -r stat < "/proc/$PID/stat"
# Field 22, the start time; the second one, the name in brackets, may hold anything. proc(5)
set -- ${stat##*) }
echo "$PID ${20}" > run/wshd.pid
# It runs nothing yet: all that it ever starts is in these groups, too.
while read -r controller version group; do
  echo "$PID" > "$group/cgroup.procs"
done < etc/cgroups
[ -z "$EPHEMERAL" ] || sh "${0%/*}/watch.sh" "${PWD##*/}" &
