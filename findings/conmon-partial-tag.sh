#!/usr/bin/env bash
# conmon tags a short piece of a line P in a CRI log, whatever its size.
#
# Guess: CRI's tag P (partial) marks a line that was too long for the writer's buffer; a short line is one record, F.
# Fact: P marks any read(2) that did not end with a newline. "a", "b" and "c\n", written with pauses, make three records,
#   P, P and F, each with a time of its own. A line's records have to be joined however short they are.
# Version: conmon 2.1.6 (Debian 12).
# Matters to: parsers of k8s-file logs that take P for "longer than 8 KiB" or take the first record's time for the line's end.
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
sh -c 'printf a; sleep 0.5; printf b; sleep 0.5; echo c' &
printf %s $! > "$file"
RUNTIME
chmod +x "$work/runtime"
mkdir "$work/bundle" "$work/exit"
"$conmon" --sync --full-attach -c one -u one -n one -r "$work/runtime" -b "$work/bundle" -p "$work/pid" \
  --exit-dir "$work/exit" -l "k8s-file:$work/log"
cat "$work/log"
expect 'tags and texts' 'P a;P b;F c;' "$(cut -d' ' -f3- "$work/log" | tr '\n' ';')"
