#!/usr/bin/env bash
# Copies crds/ into the chart (Helm packages no symlinks). With --check it copies nothing and fails where they differ.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
chart=charts/gitsync-operator/files/crds

if [ "${1:-}" = --check ]; then
  if ! diff -r crds "$chart" >&2; then
    echo "$chart differs from crds/: run scripts/sync_crds.sh" >&2
    exit 1
  fi
  exit 0
fi
mkdir -p "$chart"
rm -f "$chart"/*.yaml
cp crds/*.yaml "$chart"/
