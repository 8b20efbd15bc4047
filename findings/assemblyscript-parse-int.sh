#!/usr/bin/env bash
# AssemblyScript's U64.parseInt has no answer for "not a number" and "too large": it returns a number.
#
# Guess: as JavaScript's parseInt, a text without digits is told from "0"; a number beyond 64 bits traps or saturates.
# Fact: the result has type u64, so there is no NaN. "x" and "" are 0, "12x" is 12, 2^64 is 0, "-1" is 2^64-1.
# Version: assemblyscript 0.28.20 (npm).
# Matters to: sizes and limits read from text inside a module: an overflow becomes 0, which often means "no limit".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

expect() { # WHAT EXPECTED SEEN
  printf '%s: %s\n' "$1" "$3"
  [ "$2" = "$3" ] || { printf 'CHANGED: %s was: %s\n' "$1" "$2"; exit 1; }
}

cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts assemblyscript@0.28.20
echo "assemblyscript@0.28.20, Node $(node --version)"

cat > try.ts <<'AS'
const TEXTS: StaticArray<string> = ["x", "", "12x", "18446744073709551616", "-1"];
export function parse(index: i32): u64 { return U64.parseInt(TEXTS[index]); }
AS
npx asc try.ts -o try.wasm --runtime stub
cat > try.mjs <<'JS'
import { readFileSync } from 'node:fs';
const { instance } = await WebAssembly.instantiate(readFileSync('try.wasm'), { env: { abort() { throw new Error('abort'); } } });
console.log([0, 1, 2, 3, 4].map((index) => BigInt.asUintN(64, instance.exports.parse(index))).join(' '));
JS
expect '"x" "" "12x" "18446744073709551616" "-1"' '0 0 12 0 18446744073709551615' "$(node try.mjs)"
