#!/usr/bin/env bash
# Builds an earlier version beside this one and tries the way there and back: scripts/upgrade.sh COMMIT
# GITSYNC_PREVIOUS=DIR names a checkout that is built already.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"
cd "$GITSYNC_ROOT"
if [ -z "${GITSYNC_PREVIOUS:-}" ]; then
  commit=$(git rev-parse --verify "${1:?a commit: make upgrade PREVIOUS=v0.1.0}^{commit}")
  GITSYNC_PREVIOUS=$GITSYNC_ROOT/build/previous/$commit
  [ -e "$GITSYNC_PREVIOUS" ] || git worktree add --detach "$GITSYNC_PREVIOUS" "$commit"
  (cd "$GITSYNC_PREVIOUS" && GITSYNC_SKIP_PACKAGES=1 scripts/helpers.sh && scripts/build.sh dev gitsync)
fi
export GITSYNC_PREVIOUS GITSYNC_BINARY=$GITSYNC_ROOT/build/dev/gitsync
unset KUBECONFIG
build/dev/test/cluster_tests '[.previous]'
