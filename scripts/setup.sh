#!/usr/bin/env bash
# Sets up a fresh Debian machine that has Node: Debian packages, npm packages, native build, TypeScript build.
# Does only what is missing, and says what it does.
set -euo pipefail
cd "$(dirname "$0")/.."

NODE_MIN=20.19
NATIVE_STAMP=native/build/.built
PACKAGES=(nftables iptables libnetfilter-queue-dev libmnl-dev libuv1-dev iperf3 iproute2 iputils-ping procps
  cmake g++ make pkg-config python3)

say() { printf 'setup: %s\n' "$*"; }
fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 3
}

check_node() {
  command -v node >/dev/null || fail "Node.js is not on PATH; install Node 24 LTS ($NODE_MIN is the minimum)"
  local version
  version=$(node -p process.versions.node)
  if [ "$(printf '%s\n%s\n' "$NODE_MIN" "$version" | sort -V | head -n 1)" != "$NODE_MIN" ]; then
    fail "Node $version is too old; install Node 24 LTS ($NODE_MIN is the minimum)"
  fi
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "needs root for: $*"
  fi
}

install_packages() {
  command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
    fail "this script sets up Debian-like systems only; install the equivalents of: ${PACKAGES[*]}"
  local missing=() package
  for package in "${PACKAGES[@]}"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  say "installing Debian packages: ${missing[*]}"
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}")
  as_root "${install[@]}" && return
  say "the installation failed; refreshing the package lists and trying again"
  as_root apt-get update -q
  as_root "${install[@]}"
}

install_modules() {
  local stamp=node_modules/.package-lock.json
  [ -f "$stamp" ] && [ ! package-lock.json -nt "$stamp" ] && return
  say "installing npm packages (npm ci)"
  npm ci --no-audit --no-fund --loglevel=error
}

# True if any source of the addon, or the lock file, is newer than the last build.
native_is_stale() {
  [ ! -f "$NATIVE_STAMP" ] ||
    [ -n "$(find native package-lock.json -path native/build -prune -o -type f -newer "$NATIVE_STAMP" -print -quit)" ]
}

build() {
  if native_is_stale; then
    say "building the native addon"
    npm run --silent build:native
    touch "$NATIVE_STAMP"
  fi
  say "building TypeScript"
  npm run --silent build
}

# Under sudo the files that we made must belong to the person who asked: else their next plain `npm ci` fails.
give_back() {
  [ "$(id -u)" = 0 ] && [ -n "${SUDO_UID:-}" ] && [ "$(stat -c %u .)" = "$SUDO_UID" ] || return 0
  chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" node_modules dist native/build
}

check_node
install_packages
install_modules
build
give_back
say "ready"
