#!/usr/bin/env bash
# protons-runtime writes a uint64 from 2^31 to 2^32-1 as another number.
#
# Guess: writer.uint64(bigint) writes the varint of every unsigned 64-bit number.
# Fact: from 2^31 to 2^32-1 the length is right and the bytes are not: 2147483648 is written as 0, 4294967295 as 127. Numbers
#   below and above are right, and so is the reader. No error at either end.
# Version: protons-runtime 8.0.1 (npm).
# Matters to: protobuf messages with sizes and limits in bytes, which often lie between 2 and 4 GiB.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

expect() { # WHAT EXPECTED SEEN
  printf '%s: %s\n' "$1" "$3"
  [ "$2" = "$3" ] || { printf 'CHANGED: %s was: %s\n' "$1" "$2"; exit 1; }
}

cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts protons-runtime@8.0.1
echo "protons-runtime@8.0.1, Node $(node --version)"

cat > try.mjs <<'JS'
import { reader, writer } from 'protons-runtime';
const there = [2147483647n, 2147483648n, 4294967295n, 4294967296n].map((number) => {
  const out = writer();
  out.uint64(number);
  return `${number} -> ${reader(out.finish()).uint64()}`;
});
const read = reader(Buffer.from('8080808008', 'hex')).uint64();
console.log(`${there.join(', ')}; read 8080808008: ${read}`);
JS
expect 'written and read' \
  '2147483647 -> 2147483647, 2147483648 -> 0, 4294967295 -> 127, 4294967296 -> 4294967296; read 8080808008: 2147483648' "$(node try.mjs)"
