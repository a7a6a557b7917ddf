#!/usr/bin/env bash
# Configures (when needed) and builds one preset: scripts/build.sh PRESET [TARGET...]
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"
preset=${1:?a preset of CMakePresets.json}
shift
cd "$GITSYNC_ROOT"
cache=build/$preset/CMakeCache.txt
compiler=$(command -v "$GITSYNC_CXX")
if ! grep -qsF "CMAKE_CXX_COMPILER:FILEPATH=$compiler" "$cache"; then
  rm -f "$cache" # another compiler than last time, or the first time
  cmake --preset "$preset" -DCMAKE_CXX_COMPILER="$compiler"
fi
exec cmake --build --preset "$preset" ${1:+--target "$@"}
