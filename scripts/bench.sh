#!/usr/bin/env bash
# npm run bench [-- --quick | -- accuracy]: sets up what is missing, then measures cost, or what really passes of a
# configured rate. Needs root (network namespaces, NFQUEUE).
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$(id -u)" = 0 ] || {
  echo "bench: needs root for network namespaces: sudo npm run bench" >&2
  exit 3
}
# What set-up says goes to stderr: with --quick stdout is one line of JSON.
bash scripts/setup.sh >&2
program=bench
[ "${1:-}" = accuracy ] && program=accuracy
exec node --import tsx "bench/$program.ts" "$@"
