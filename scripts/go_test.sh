#!/usr/bin/env bash
# Vets and tests a Go module of this checkout: scripts/go_test.sh MODULE
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"
cd "$GITSYNC_ROOT/${1:?a folder with a go.mod}"
export CGO_ENABLED=0
go vet ./...
go test ./...
