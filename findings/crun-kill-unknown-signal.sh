#!/usr/bin/env bash
# crun kill reports success for a signal that it does not know, and sends nothing.
#
# Guess: `crun kill ID term` sends SIGTERM, as kill(1) does for lower-case names, or refuses the name; so does `kill ID BOGUS`.
# Fact: both exit with 0 and without a word. The name is not found, so the signal is 0, which kill(2) only checks with.
#   The process lives on. `crun kill ID TERM` ends it.
# Version: crun 1.8.1 (Debian 12).
# Matters to: scripts and engines that pass a user's signal name on and wait for the container to end.
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

packages crun=1.8.1-1+deb12u1 libyajl2=2.1.0-3+deb12u2
crun=$work/root/usr/bin/crun
"$crun" --version | head -n 1

# A state directory as crun keeps one, for a process that is no container: kill reads the pid and when the process began.
sleep 60 &
pid=$!
mkdir -p "$work/state/one"
cat > "$work/state/one/config.json" <<'JSON'
{"ociVersion":"1.0.2","root":{"path":"rootfs"},"process":{"args":["/bin/sh"],"cwd":"/"}}
JSON
cat > "$work/state/one/status" <<JSON
{"pid":$pid,"process-start-time":$(cut -d' ' -f22 "/proc/$pid/stat"),"cgroup-path":"","scope":null,"intelrdt":null,
 "rootfs":"$work/rootfs","systemd-cgroup":false,"bundle":"$work","created":"2024-01-01T00:00:00.000000Z","detached":true,
 "external_descriptors":"[\"/dev/null\",\"/dev/null\",\"/dev/null\"]","owner":"root"}
JSON
try() { # SIGNAL
  local code=0
  "$crun" --root "$work/state" kill one "$1" || code=$?
  sleep 0.5
  echo "exit code $code, process $(if kill -0 "$pid" 2>/dev/null; then echo alive; else echo gone; fi)"
}
expect 'kill one BOGUS' 'exit code 0, process alive' "$(try BOGUS)"
expect 'kill one term' 'exit code 0, process alive' "$(try term)"
"$crun" --root "$work/state" kill one TERM
code=0
wait "$pid" || code=$?
expect 'kill one TERM: status of the process' 143 "$code"
