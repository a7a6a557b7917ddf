#!/usr/bin/env bash
# Writes docs/api.md from crds/*.yaml. The generator is the unit test that also checks that the file is up to date
# (test/unit/api/api_docs_test.cpp), so it needs nothing that the build doesn't have.
# Usage: scripts/api_docs.sh [path of the unit_tests binary]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tests=${1:-build/dev/test/unit_tests}
if [ ! -x "$tests" ]; then
  echo "$tests is not there: run make build first, or name the unit_tests binary" >&2
  exit 1
fi
GITSYNC_WRITE_DOCS=1 "$tests" '[api-docs]'
