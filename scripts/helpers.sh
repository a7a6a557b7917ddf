#!/usr/bin/env bash
# Builds the Go programs that the tests stand on and links them into build/helpers. Each lies in the cache outside the
# checkout under a hash of its module's files and of the Go that builds it, so unchanged ones cost nothing, in any clone.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"
links=$GITSYNC_ROOT/build/helpers
unused_days=30 # older, unused builds leave the cache

# key MODULE: a hash of every file of the module and of the Go version.
key() {
  (cd "$1" && { go env GOVERSION GOARCH; find . -type f \( -name '*.go' -o -name 'go.*' \) ! -name '*_test.go' -print0 \
    | LC_ALL=C sort -z | xargs -0 sha256sum; cat "$GITSYNC_ROOT/scripts/helpers.sh"; } | sha256sum | cut -c1-16)
}

# compile_NAME OUT runs in the module's folder and fills OUT.
compile_plain() { CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$2/$1" .; }

compile_controlplane() {
  local out=$2 version minor stage
  version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
  minor=${version#v1.}
  minor=${minor%%.*}
  local stamp="-X k8s.io/component-base/version.gitVersion=$version -X k8s.io/component-base/version.gitMajor=1"
  stamp+=" -X k8s.io/component-base/version.gitMinor=$minor"
  go build -trimpath -buildvcs=false -ldflags "-s -w $stamp" -o "$out/controlplane" .
  go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$out/kwok" sigs.k8s.io/kwok/cmd/kwok
  ln -s controlplane "$out/kubectl"
  mkdir "$out/stages"
  stage=$(go list -m -f '{{.Dir}}' sigs.k8s.io/kwok)/kustomize/stage
  find "$stage/node/fast" "$stage/node/heartbeat-with-lease" "$stage/pod/fast" -maxdepth 1 -name '*.yaml' \
    ! -name kustomization.yaml -exec install -m 644 -t "$out/stages" {} +
}

# helper NAME MODULE COMPILE [HINT]: makes build/helpers/NAME point at the built program's directory.
helper() {
  local name=$1 module=$GITSYNC_ROOT/$2 compile=$3 hint=${4:-} home work
  [ -f "$module/go.mod" ] || return 0
  home=$gitsync_cache/$name-$(key "$module")
  if [ ! -d "$home" ]; then
    mkdir -p "$gitsync_cache"
    exec 9>"$gitsync_cache/$name.lock" # two clones build it once
    flock 9
    if [ ! -d "$home" ]; then
      echo "deps: building $name${hint:+ ($hint)}"
      work=$(mktemp -d "$gitsync_cache/.$name.XXXXXX")
      # shellcheck disable=SC2064
      trap "rm -rf '$work'" EXIT
      (cd "$module" && "$compile" "$name" "$work")
      chmod 755 "$work"
      mv -T "$work" "$home"
    fi
    exec 9>&-
    find "$gitsync_cache" -maxdepth 1 -name "$name-*" -mtime +$unused_days -exec rm -rf {} +
  fi
  touch "$home"
  mkdir -p "$links"
  ln -sfnT "$home" "$links/$name"
}

helper localcluster test/cluster/localcluster compile_plain
helper yaml-oracle test/golden/yaml compile_plain
helper registry test/registry compile_plain
helper controlplane test/cluster/controlplane compile_controlplane "about 5 minutes the first time on 2 cores"
