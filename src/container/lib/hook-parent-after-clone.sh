#!/bin/sh
# wshd runs this on the host, in the container's directory; PID is the container's first process.
set -e
read -r stat < "/proc/$PID/stat"
# Field 22, the start time; the second one, the name in brackets, may hold anything. proc(5)
set -- ${stat##*) }
echo "$PID ${20}" > run/wshd.pid
sh "${0%/*}/watch.sh" "${PWD##*/}" &
