# shellcheck shell=sh
# Ends the container whose owner has died: what shim/hooks/parent-after-clone.c becomes then. An owner that leaves in good order
# has ended the container before.
# end_of FILE: kills the process that FILE names, when it still is that one; false when it is not.
end_of() {
  read -r pid start < "$1" && read -r stat < "/proc/$pid/stat" || return 1
  set -- ${stat##*) }
  [ "${20}" = "$start" ] && [ "$1" != Z ] && kill -KILL "$pid"
} 2> /dev/null
[ -e run/wshd.pid ] && end_of run/wshd.pid || exit
# By name, and directories only when empty: nothing that is not ours can be hit.
for job in jobs/*; do
  [ -e "$job/job.json" ] || continue
  end_of "$job/pid"
  (cd "$job" && rm -f job.json pid messages stdout.sock stderr.sock status.sock exit exit.new)
  rmdir "$job"
done
# A group can be removed when its last process has been, and the groups that were made below it.
while read -r _ _ group; do
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ -e "$group" ] || break
    find "$group" -depth -type d -exec rmdir {} + 2> /dev/null || sleep 0.1
  done
done < etc/cgroups
rm -f etc/container.json etc/container.json.new run/wshd.sock run/wshd.pid etc/steps etc/cgroups etc/filter etc/hostname etc/hosts etc/resolv.conf etc/ids etc/sources
rmdir run etc root jobs
cd .. && rmdir "$1" && rm -f "$1.owner"
