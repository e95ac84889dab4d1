#!/usr/bin/env bash
# npm run demo: sets up what is missing, then shows on this machine what the shaper does. Needs root for
# network namespaces.
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$(id -u)" = 0 ] || {
  echo "demo: needs root for network namespaces: sudo npm run demo" >&2
  exit 3
}
bash scripts/setup.sh
exec node --import tsx bench/demo.ts "$@"
