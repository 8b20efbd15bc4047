#!/bin/sh
# Runs a hostile guest where it can do no harm: in mount, PID, network, IPC and UTS namespaces of its own, on a file system
# that is read-only but for one tmpfs. Started by unshare(1) as their PID 1. Prints one line: calls made, guests that ended.
#   contain.sh REPOSITORY CALLS PER_GUEST COMMAND... -- PROGRAM...
# The command is run as "COMMAND... SEED CALLS PATH..."; {} in it stands for the program's name. The repository is found at
# /run/repository.
set -eu
repository=$1 calls=$2 each=$3
shift 3
command=
while [ "$1" != -- ]; do command="$command $1"; shift; done
shift

mount --make-rprivate /
mount -t proc proc /proc
awk '{print $5}' /proc/self/mountinfo | sort -u | while read -r point; do mount -o remount,bind,ro "$point" 2>/dev/null || :; done
mount -t tmpfs tmpfs /run
mkdir /run/repository
mount --bind "$repository" /run/repository
mount -o remount,bind,ro /run/repository
mount -t tmpfs tmpfs /tmp
ulimit -n 256
ulimit -c 0
mkdir /run/own /run/own/run /run/own/lib /run/own/job /run/own/group /run/canary /run/bin
echo 'nobody may read or change this' > /run/canary/file
mkdir /run/canary/directory
: > /run/own/group/memory.events
: > /run/own/cursor
sha256sum /run/canary/file /etc/passwd /etc/shadow > /run/canary/sums
find /run/canary | sort > /run/bin/names
sort /proc/self/mountinfo > /run/bin/mounts
sleep 100000 &
canary=$!

fail() { echo "contain: $*" >&2; exit 1; }

ended=0 made=0
cd /run/own
for program; do
  seed=0
  case $program in
    wshd) paths='--run /run/own/run --lib /run/own/lib --root /run/own/job' ;;
    wsh) paths='--socket /run/own/run/wshd.sock true' ;;
    iomux-spawn) paths='/run/own/job /bin/true' ;;
    iomux-link) paths='-w /run/own/cursor /run/own/job' ;;
    *) paths='/run/own/group' ;;
  esac
  goal=$((calls / $#)) done=0
  while [ "$done" -lt "$goal" ]; do
    seed=$((seed + 1))
    code=0
    # A guest may stop itself, or wait for what nobody sends.
    timeout -k 1 20 $(echo "$command" | sed "s|{}|$program|g") "$seed" "$each" $paths </dev/null >/dev/null 2>/run/bin/words || code=$?
    case $code in
      0) ended=$((ended + 1)) ;;
      # What it can end is itself: by a signal that it raised, or as the host does when it cannot go on.
      134 | 1 | 126 | 127 | 139) cat /run/bin/words >&2; fail "$program, seed $seed: exit code $code" ;;
      *) ;;
    esac
    done=$((done + each))
    kill -0 "$canary" 2>/dev/null || fail "$program, seed $seed: the canary process was ended"
    [ -e /run/own/job ] || fail "$program, seed $seed: its own directory is gone"
    rm -rf /run/own/run/wshd.sock /run/own/job/*.sock
  done
  made=$((made + done))
  # wshd's job: it may enter any root in mounts of its own, and make the directory mnt there.
  [ "$program" != wshd ] || rmdir /run/canary/mnt /run/canary/directory/mnt 2>/dev/null || :
  find /run/canary | sort > /run/bin/names-after
  changed=$(diff /run/bin/names /run/bin/names-after | sed -n '/^[<>]/p')
  [ -z "$changed" ] || fail "$program: made (>) or removed (<) beside the canary file: $changed"
done
sha256sum --quiet -c /run/canary/sums || fail 'a canary file was changed'
# Mounts that came along from outside go when somebody out there removes what they are on; none may come.
sort /proc/self/mountinfo > /run/bin/mounts-after
[ -z "$(comm -13 /run/bin/mounts /run/bin/mounts-after)" ] || fail 'a mount was made'
[ "$(grep -c ' /run' /run/bin/mounts)" = "$(grep -c ' /run' /run/bin/mounts-after)" ] || fail 'a mount was removed'
echo "$made calls, $ended guests ended by themselves"
