#!/usr/bin/env bash
# npm run bench [-- --quick | -- WORD]: sets up what is missing, then measures. Words:
#
#   (no word)   processor time, throughput and lateness
#   cost        what the whole machine has to do more, beside C loops and HTB
#   accuracy    what really passes of a configured rate
#   queueing    delay and shares under load
#   scale       the cost of many flows, hosts and classes
#   views       what it costs packets that people look: flows, hosts, events, metrics
#   hosts       what hosts and quotas cost packets, the control thread and memory
#   modules     what modules cost, in the decision loop and, as root, on real packets
#   sockets     what a new flow of this machine costs: whose it is, and the search for the process
#   store       history and quotas on disk: processor time, memory, size
#   compare     this program beside the kernel's disciplines
#   pacing      TCP rate control beside them
#   pacing-cost processor time of 1000 paced TCP connections
#
# All but scale, hosts, modules, sockets, store, compare and pacing need root (network namespaces, NFQUEUE).
# Without root, scale, hosts and sockets leave out real packets.
set -euo pipefail
cd "$(dirname "$0")/.."

program=bench
case "${1:-}" in
  accuracy | cost | queueing | scale | views | hosts | modules | sockets | store | compare | pacing | pacing-cost)
    program=$1
    shift
    ;;
  '' | -*) ;;
  *)
    echo "bench: there is no '$1'; use accuracy, cost, queueing, scale, views, hosts, modules, sockets, store, compare, pacing, pacing-cost, or no word to measure the cost" >&2
    exit 2
    ;;
esac
[ "$(id -u)" = 0 ] || [[ $program =~ ^(scale|hosts|modules|sockets|store|compare|pacing)$ ]] || {
  echo "bench: needs root for network namespaces: sudo npm run bench" >&2
  exit 3
}
# The messages of set-up go to stderr, because stdout is one line of JSON with --quick.
bash scripts/setup.sh >&2
exec node --import tsx "bench/$program.ts" "$@"
