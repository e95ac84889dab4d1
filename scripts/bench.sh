#!/usr/bin/env bash
# npm run bench [-- --quick | -- accuracy | -- queueing | -- scale | -- compare]: sets up what is missing, then measures cost,
# what really passes of a configured rate, delay and shares under load, what many flows, hosts and classes cost, or this
# program beside the kernel's own queue disciplines. All but the last two need root (network namespaces, NFQUEUE); scale without
# it leaves out real packets.
set -euo pipefail
cd "$(dirname "$0")/.."

program=bench
case "${1:-}" in
  accuracy | queueing | scale | compare)
    program=$1
    shift
    ;;
  '' | -*) ;;
  *)
    echo "bench: there is no '$1'; there are accuracy, queueing, scale and compare, and without a word what it costs" >&2
    exit 2
    ;;
esac
[ "$(id -u)" = 0 ] || [[ $program =~ ^(scale|compare)$ ]] || {
  echo "bench: needs root for network namespaces: sudo npm run bench" >&2
  exit 3
}
# What set-up says goes to stderr: with --quick stdout is one line of JSON.
bash scripts/setup.sh >&2
exec node --import tsx "bench/$program.ts" "$@"
