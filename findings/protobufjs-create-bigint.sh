#!/usr/bin/env bash
# protobufjs encodes a bigint in a uint64 field as 0 when the message was made with create().
#
# Guess: a bigint, JavaScript's own 64-bit integer, is encoded exactly, or refused.
# Fact: Type.create({ n: 5n }) keeps the bigint, and encode() writes 0, without an error. Type.fromObject({ n: 5n }) converts
#   and is right. Only verify(), which is not called by itself, says "integer|Long expected".
# Version: protobufjs 8.8.1 (npm).
# Matters to: code that moves from another protobuf library, where 64-bit fields are bigints.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

expect() { # WHAT EXPECTED SEEN
  printf '%s: %s\n' "$1" "$3"
  [ "$2" = "$3" ] || { printf 'CHANGED: %s was: %s\n' "$1" "$2"; exit 1; }
}

cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts protobufjs@8.8.1
echo "protobufjs@8.8.1, Node $(node --version)"

cat > try.mjs <<'JS'
import protobuf from 'protobufjs';
const type = protobuf.parse('syntax = "proto2"; message M { optional uint64 n = 1; }').root.lookupType('M');
const hex = (message) => Buffer.from(type.encode(message).finish()).toString('hex');
console.log(`create ${hex(type.create({ n: 5n }))}, fromObject ${hex(type.fromObject({ n: 5n }))}, verify: ${type.verify({ n: 5n })}`);
JS
expect 'field 1 with 5n' 'create 0800, fromObject 0805, verify: n: integer|Long expected' "$(node try.mjs)"
