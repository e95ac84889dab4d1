#!/usr/bin/env bash
# Fuzzes the native parser, and checks the verdict writer and the choice of waits, with the sanitizers for
# addresses and undefined behaviour.
# Usage: run.sh [COUNT [SEED]]             COUNT mutated messages (default ten million), fixed seed 1
#        run.sh --libfuzzer [SECONDS]      coverage-guided with clang (Debian: clang, libclang-rt-14-dev)
set -euo pipefail
cd "$(dirname "$0")"
OUT=../build/fuzz
FLAGS=(-std=c++17 -I.. -O2 -g -Wall -Wextra -Werror -fno-omit-frame-pointer)
mkdir -p "$OUT"

build() { # TARGET COMPILER SANITIZERS SOURCES...
  local target=$OUT/$1 compiler=$2 sanitizers=$3
  shift 3
  if [ ! -x "$target" ] || [ -n "$(find .. -path ../build -prune -o \( -name '*.cc' -o -name '*.h' -o -name run.sh \) -newer "$target" -print -quit)" ]; then
    "$compiler" "${FLAGS[@]}" "-fsanitize=$sanitizers" -fno-sanitize-recover=all "$@" -o "$target.$$"
    mv "$target.$$" "$target"
  fi
}

SOURCES=(../nfqueue/parser.cc ../links/link_socket.cc ../links/host_socket.cc ../sockets/diag_socket.cc)
build driver "${CXX:-g++}" address,undefined driver.cc "${SOURCES[@]}"
if [ "${1:-}" = --libfuzzer ]; then
  build libfuzzer clang++ fuzzer,address,undefined libfuzzer.cc "${SOURCES[@]}"
  mkdir -p "$OUT/corpus"
  "$OUT/driver" --corpus "$OUT/corpus"
  exec "$OUT/libfuzzer" -max_total_time="${2:-60}" -max_len=4352 -print_final_stats=1 "$OUT/corpus"
fi
build verdicts_check "${CXX:-g++}" address,undefined verdicts_check.cc ../nfqueue/verdicts.cc
"$OUT/verdicts_check" 3000
build waits_check "${CXX:-g++}" address,undefined waits_check.cc ../loop/gathering.cc ../loop/socket_wait.cc
"$OUT/waits_check"
"$OUT/driver" "${1:-10000000}" "${2:-1}"
