#!/usr/bin/env bash
# npm test: sets up what is missing, then runs every test with all its runs and seeds (test/effort.ts).
# Arguments go to vitest: `npm test -- test/unit`.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
if [ "$(id -u)" != 0 ]; then
  echo "test: without root the tests on real packets are listed as skipped; sudo npm test runs them"
fi
RUNS=${RUNS:-full} exec node_modules/.bin/vitest run "$@"
