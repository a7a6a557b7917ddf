#!/usr/bin/env bash
# Installs what building and testing need and is missing; silent, quick and without network when all is there.
# GITSYNC_SKIP_PACKAGES=1 leaves the system's packages alone (another distribution, or a container that has them).
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

common=(cmake ninja-build ccache pkg-config git curl ca-certificates openssh-client openssh-server gnupg openssl shellcheck
  libcurl4-openssl-dev libssl-dev zlib1g-dev libgit2-dev libyaml-cpp-dev libyaml-dev nlohmann-json3-dev prometheus-cpp-dev libcli11-dev catch2 tzdata)
least_go=1.21 # from there on Go fetches the version that go.mod names by itself
system=$(gitsync_system)

case $system in
  "debian 12") packages=("${common[@]}" clang-19 lld-19 libclang-rt-19-dev clang-format-19 clang-tidy-19 libboost1.81-dev libhowardhinnant-date-dev) ;;
  "debian 13") packages=("${common[@]}" g++-14 lld-19 clang-format-19 clang-tidy-19 libboost-dev) ;;
  "ubuntu 24.04") packages=("${common[@]}" g++-14 lld libboost1.83-dev) ;;
  *) packages=() ;;
esac

say() { echo "deps: $*"; }
stop() {
  echo "deps: $*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    stop "you are not root and there is no sudo; as root run: $*"
  fi
}

# missing PACKAGE...: those that dpkg does not have installed.
missing() {
  local installed
  # shellcheck disable=SC2016
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' || true)
  comm -13 <(sort <<<"$installed") <(printf '%s\n' "$@" | sort)
}

install_packages() {
  local wanted=("$@")
  say "installing ${wanted[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${wanted[@]}"
}

system_packages() {
  [ -z "${GITSYNC_SKIP_PACKAGES:-}" ] || return 0
  [ ${#packages[@]} -gt 0 ] || stop "$system is not a system whose packages are known here (Debian 12 and 13, Ubuntu 24.04)." \
    "Install g++ >= 14 or clang >= 19, Boost >= 1.81, libgit2 >= 1.5, libcurl >= 7.88, yaml-cpp, nlohmann-json, prometheus-cpp," \
    "Catch2, OpenSSL 3, zlib, CMake >= 3.25, ninja, ccache, git, Go >= $least_go; then set GITSYNC_SKIP_PACKAGES=1" \
    "and GITSYNC_CXX to the compiler."
  local wanted
  mapfile -t wanted < <(missing "${packages[@]}")
  [ ${#wanted[@]} -eq 0 ] || install_packages "${wanted[@]}"
}

# newer A B: A >= B as versions.
newer() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

go_version() { command -v go >/dev/null && (cd / && GOTOOLCHAIN=local go env GOVERSION 2>/dev/null | sed 's/^go//; s/[ -].*//'); }

# Debian 12's own Go (1.19) cannot fetch a newer one, but it can download the module in which Go ships its toolchains.
# go unpacks modules without execute bits and with their go.mod files renamed; both are put right here.
bootstrap_go() {
  local wanted arch module home=$gitsync_cache/go work
  wanted=$(awk '$1 == "go" {print $2}' "$GITSYNC_ROOT/test/cluster/controlplane/go.mod")
  arch=$(go env GOARCH)
  say "fetching Go $wanted as a module"
  module=$(cd / && go mod download -json "golang.org/toolchain@v0.0.1-go$wanted.linux-$arch" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  [ -d "$module" ] || return 1
  mkdir -p "$gitsync_cache"
  work=$(mktemp -d "$gitsync_cache/.go.XXXXXX")
  cp -r "$module/." "$work" && chmod -R u+w "$work" && chmod 755 "$work"
  find "$work/bin" "$work/pkg/tool" -type f -exec chmod 755 {} +
  find "$work" -name _go.mod -execdir mv _go.mod go.mod ';'
  mv -T "$work" "$home"
}

go_toolchain() {
  local have
  have=$(go_version || true)
  if [ -n "$have" ] && newer "$have" $least_go; then return 0; fi
  local advice="Go >= $least_go is needed${have:+ (found $have)}. Unpack it from https://go.dev/dl into /usr/local and put"
  advice+=" /usr/local/go/bin on the PATH, or install golang-go from your distribution's backports."
  if [ -z "$have" ] && [ -z "${GITSYNC_SKIP_PACKAGES:-}" ]; then
    install_packages golang-go
    have=$(go_version || true)
    if [ -n "$have" ] && newer "$have" $least_go; then return 0; fi
  fi
  if [ -z "$have" ] || ! bootstrap_go; then stop "$advice"; fi
  PATH=$gitsync_cache/go/bin:$PATH
  newer "$(go_version || echo 0)" $least_go || stop "$advice"
}

system_packages
command -v "$GITSYNC_CXX" >/dev/null || stop "$GITSYNC_CXX is not there; set GITSYNC_CXX to g++ >= 14 or clang++ >= 19"
go_toolchain
"$GITSYNC_ROOT/scripts/helpers.sh"
# The render worker is built by CMake; what it needs is fetched here, so that building needs no network.
(cd "$GITSYNC_ROOT/operator/render/worker" && go mod download)
