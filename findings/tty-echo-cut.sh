#!/usr/bin/env bash
# A terminal drops the echo of input when nobody reads the master meanwhile, and reports nothing.
#
# Guess: who writes to a pty master gets every byte of the echo later, or the write waits or fails with EAGAIN.
# Fact: n_tty throws echo away once the way back is full, about 19 KiB. All input still reaches the program behind the
#   slave. Nothing says that a part of the echo is missing.
# Version: Linux (N_TTY line discipline); shown through Python 3.11.2 (Debian 12).
# Matters to: monitors and remote shells that paste a lot into a terminal before they read: the screen differs from what was typed.
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
import os, sys
master, slave = os.openpty()
line, lines, arrived = b'x' * 99 + b'\n', 400, 0
for _ in range(lines):
    assert os.write(master, line) == len(line)
    arrived += len(os.read(slave, 4096))
os.set_blocking(master, False)
echo = 0
try:
    while True: echo += len(os.read(master, 65536))
except BlockingIOError:
    pass
print(f'{lines * 100} bytes written, {arrived} read at the slave, {echo} of {lines * 101} echoed', file=sys.stderr)
print('all input arrived' if arrived == lines * 100 else 'input lost', 'echo cut' if echo < lines * 101 else 'echo whole')
PYTHON
)
expect 'without a reader of the echo' 'all input arrived echo cut' "$seen"
