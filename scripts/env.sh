# shellcheck shell=bash
# What the other scripts and the tests need to know about this machine; source it, it changes nothing.
#   GITSYNC_ROOT          the checkout
#   GITSYNC_CXX           the compiler (set it yourself to use another one)
#   GITSYNC_LOCALCLUSTER  the local cluster's supervisor          GITSYNC_CONTROLPLANE  the directory of the programs it runs
#   GITSYNC_KUBECTL       a kubectl of the same version           GITSYNC_YAML_ORACLE   Kubernetes' own YAML decoder
GITSYNC_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export GITSYNC_ROOT

# "debian 12", "ubuntu 24.04", ... ; "unknown" where there is no os-release.
gitsync_system() {
  # shellcheck disable=SC1091
  if [ -r /etc/os-release ]; then (. /etc/os-release && echo "${ID:-unknown} ${VERSION_ID:-}"); else echo unknown; fi
}

# g++ 12 of Debian 12 miscompiles coroutines, hence clang there; everywhere else g++ 14 is at hand.
gitsync_compiler() {
  case $(gitsync_system) in
    "debian 12") echo clang++-19 ;;
    *) echo g++-14 ;;
  esac
}
export GITSYNC_CXX=${GITSYNC_CXX:-$(gitsync_compiler)}

gitsync_helpers=$GITSYNC_ROOT/build/helpers # links into the cache, made by scripts/helpers.sh
export GITSYNC_LOCALCLUSTER=${GITSYNC_LOCALCLUSTER:-$gitsync_helpers/localcluster/localcluster}
export GITSYNC_CONTROLPLANE=${GITSYNC_CONTROLPLANE:-$gitsync_helpers/controlplane}
export GITSYNC_REGISTRY=${GITSYNC_REGISTRY:-$gitsync_helpers/registry/registry} # a container registry
export GITSYNC_KUBECTL=${GITSYNC_KUBECTL:-$gitsync_helpers/controlplane/kubectl}
if [ -z "${GITSYNC_YAML_ORACLE:-}" ] && [ -x "$gitsync_helpers/yaml-oracle/yaml-oracle" ]; then
  export GITSYNC_YAML_ORACLE=$gitsync_helpers/yaml-oracle/yaml-oracle
fi

# Where helper programs and a Go of our own are kept, outside the checkout: a second clone finds them.
gitsync_cache=${XDG_CACHE_HOME:-$HOME/.cache}/gitsync
if [ -x "$gitsync_cache/go/bin/go" ]; then # only there when the system's Go is too old (scripts/deps.sh)
  PATH=$gitsync_cache/go/bin:$PATH
fi
# An older Go fetches the one that go.mod names, unless the user forbids it. Distributions switch that off; this is on again.
export GOTOOLCHAIN=${GOTOOLCHAIN:-auto}
