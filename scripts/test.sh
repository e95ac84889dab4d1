#!/usr/bin/env bash
# npm test: sets up what is missing, then runs every test. RUNS=full SEEDS=all repeats what can be repeated
# (test/effort.ts).
# Arguments go to vitest: `npm test -- test/unit`.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
if [ "$(id -u)" != 0 ]; then
  echo "test: without root the tests on real packets are listed as skipped; sudo npm test runs them"
fi
exec node_modules/.bin/vitest run "$@"
