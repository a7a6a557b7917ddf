#!/usr/bin/env bash
# Measures the operator against a bare client's floor on a local cluster of its own: scripts/bench.sh [--quick] [PRESET's flags go to bench]
# It takes some minutes, prints a table and writes build/bench.json. Nothing else should run on the machine meanwhile.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"
cd "$GITSYNC_ROOT"
exec "${GITSYNC_BENCH:-build/dev/bench}" "$@"
