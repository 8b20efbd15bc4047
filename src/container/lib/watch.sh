# Ends the container when whoever owns it has died. Standard output is a socket whose other end only the owner holds:
# nothing ever comes from there, it just ends. An owner that leaves in good order has ended the container before.
trap '' HUP INT QUIT TERM
read -r end <&1
read -r pid start < run/wshd.pid || exit
read -r stat < "/proc/$pid/stat" || exit
set -- "$1" ${stat##*) }
[ "${21}" = "$start" ] && [ "$2" != Z ] && kill -KILL "$pid" || exit
# By name, and directories only when empty: nothing that is not ours can be hit.
rm -f run/wshd.sock run/wshd.pid etc/hostname etc/fstab etc/root.tar
rmdir run etc root
cd .. && rmdir "$1" && rm -f "$1.owner"
