#!/usr/bin/env bash
# conmon --log-size-max N empties the log when the next piece would make it larger than N.
#
# Guess: a maximum of 64 KiB keeps about the last 64 KiB, or the full file is set aside under another name.
# Fact: the log is replaced by an empty file in place. No older file stays. After a burst of 3,000 short lines only
#   those behind the last replacement are there: with the lines of this script 359 of them.
# Version: conmon 2.1.6 (Debian 12).
# Matters to: whoever reads container logs after a crash, and log forwarders, which see neither a rename nor the lost lines.
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

packages conmon=2.1.6+ds1-1 libglib2.0-0=2.74.6-2+deb12u9 libpcre2-8-0=10.42-1+deb12u2
conmon=$work/root/usr/bin/conmon
"$conmon" --version | head -n 1

# A runtime that starts one program: conmon needs the program's pid, and no container.
cat > "$work/runtime" <<'RUNTIME'
#!/bin/sh
while [ $# -gt 0 ]; do case $1 in --pid-file) file=$2; shift;; esac; shift; done
sh -c 'i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done' &
printf %s $! > "$file"
RUNTIME
chmod +x "$work/runtime"
mkdir "$work/bundle" "$work/exit"
"$conmon" --sync --full-attach -c one -u one -n one -r "$work/runtime" -b "$work/bundle" -p "$work/pid" \
  --exit-dir "$work/exit" -l "k8s-file:$work/log" --log-size-max 65536
lines=$(wc -l < "$work/log")
printf '3000 lines written, %s kept, the first of them "%s"\n' "$lines" "$(head -n 1 "$work/log" | cut -d' ' -f4)"
expect 'files' 1 "$(find "$work" -name 'log*' | wc -l)"
expect 'the last line is there' 2999 "$(tail -n 1 "$work/log" | cut -d' ' -f4)"
# 65,536 bytes hold 1,300 lines of 50 bytes.
expect 'the log holds less than half of what fits' yes "$([ "$lines" -lt 650 ] && echo yes || echo no)"
