#!/usr/bin/env bash
# splice(2) fills a pipe of 64 KiB with 16 bytes.
#
# Guess: F_GETPIPE_SZ says how many bytes a pipe takes: 65,536 bytes before the first EAGAIN.
# Fact: the size counts buffers, 16 of a page each. write(2) adds to the last buffer; splice from a file does not. Sixteen
#   splices of one byte fill the pipe, although FIONREAD says 16 and F_GETPIPE_SZ 65,536.
# Version: any Linux since 2.6.35; shown through Python 3.11.2 (Debian 12).
# Matters to: relays that tell by FIONREAD whether EAGAIN of a splice means an empty source or a full target.
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
import fcntl, os, struct, sys, termios
SPLICE_F_NONBLOCK, F_GETPIPE_SZ = 2, 1032
def until_full(move):
    count = 0
    try:
        while True: count += move()
    except BlockingIOError:
        return count
def pipe():
    ends = os.pipe()
    os.set_blocking(ends[1], False)
    return ends
file = os.open(sys.executable, os.O_RDONLY)
reader, writer = pipe()
spliced = until_full(lambda: os.splice(file, writer, 1, flags=SPLICE_F_NONBLOCK))
waiting = struct.unpack('i', fcntl.ioctl(reader, termios.FIONREAD, bytes(4)))[0]
_, other = pipe()
print('splice', spliced, 'FIONREAD', waiting, 'write', until_full(lambda: os.write(other, b'x')), 'size', fcntl.fcntl(writer, F_GETPIPE_SZ))
PYTHON
)
expect 'single bytes until EAGAIN' 'splice 16 FIONREAD 16 write 65536 size 65536' "$seen"
