#!/usr/bin/env bash
# npm test: sets up what is missing, then runs every test. RUNS=full SEEDS=all repeats what can be repeated
# (test/effort.ts).
# Arguments go to vitest: `npm test -- test/unit`. A run of all tests as root looks at the page for stopped
# hosts in a browser, and installs Debian's chromium (400 MB on disk) for that; SHAPER_BROWSER=0 does without.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh

install_browser() {
  if command -v chromium >/dev/null || ! command -v apt-get >/dev/null; then return; fi
  echo "test: installing chromium, to look at the page for stopped hosts"
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium fonts-liberation)
  "${install[@]}" >/dev/null || { apt-get update -q >/dev/null && "${install[@]}" >/dev/null; } ||
    echo "test: chromium cannot be installed: the test in a browser is skipped"
}

if [ "$(id -u)" = 0 ] && [ $# = 0 ] && [ "${SHAPER_BROWSER:-1}" != 0 ]; then
  install_browser
fi
if [ "$(id -u)" != 0 ]; then
  echo "test: without root the tests on real packets are listed as skipped; sudo npm test runs them"
fi
exec node_modules/.bin/vitest run "$@"
