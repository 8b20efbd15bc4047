#!/usr/bin/env bash
# A pty master that is reopened through /proc/self/fd is another pty.
#
# Guess: open("/proc/self/fd/N") gives a second description of the same object, as for files, pipes and memfds.
# Fact: the link leads to /dev/ptmx (or /dev/pts/ptmx), and opening that allocates a new pty with a number of its own. The
#   call succeeds, so the mistake shows only as a terminal on which nothing arrives.
# Version: any Linux; shown through Python 3.11.2 (Debian 12).
# Matters to: programs that reopen an inherited terminal to get a description without O_NONBLOCK, as is done for pipes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Downloads the packages in their pinned versions and unpacks them; nothing is installed on the system.
packages() {
  (cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "$@")
  for file in "$work"/*.deb; do dpkg-deb -x "$file" "$work/root"; done
  export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu"
}

expect() { # WHAT EXPECTED SEEN
  printf '%s: %s\n' "$1" "$3"
  [ "$2" = "$3" ] || { printf 'CHANGED: %s was: %s\n' "$1" "$2"; exit 1; }
}

packages python3.11-minimal=3.11.2-6+deb12u9 libpython3.11-minimal=3.11.2-6+deb12u9 libpython3.11-stdlib=3.11.2-6+deb12u9
export PYTHONHOME="$work/root/usr"
echo "$("$work/root/usr/bin/python3.11" --version), Linux $(uname -r)"

seen=$("$work/root/usr/bin/python3.11" - <<'PYTHON'
import fcntl, os, struct
TIOCGPTN = 0x80045430
number = lambda fd: struct.unpack('I', fcntl.ioctl(fd, TIOCGPTN, bytes(4)))[0]
master, _ = os.openpty()
again = os.open(f'/proc/self/fd/{master}', os.O_RDWR | os.O_NOCTTY)
reader, writer = os.pipe()
pipe = os.open(f'/proc/self/fd/{reader}', os.O_RDONLY)
print('pty', 'same' if number(master) == number(again) else 'another',
      'pipe', 'same' if os.fstat(pipe).st_ino == os.fstat(reader).st_ino else 'another')
PYTHON
)
expect 'reopened' 'pty another pipe same' "$seen"
