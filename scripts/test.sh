#!/usr/bin/env bash
# Every test with all its runs and seeds (test/effort.ts), after all set-up. Arguments go to vitest: `npm test -- test/unit`.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
if [ "$(id -u)" != 0 ]; then
  echo "test: not root, so the tests on real packets will be listed as skipped (sudo npm test runs them)"
fi
RUNS=${RUNS:-full} exec node_modules/.bin/vitest run "$@"
