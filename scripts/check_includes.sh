#!/usr/bin/env bash
# The layering of operator/, checked on the #include lines. The rooms, their direction and which of them are pure are read from
# operator/CMakeLists.txt (gitsync_room lines), so there is one place that says it:
#   - a room includes itself and the rooms it is linked to, directly or through another room;
#   - a pure room includes neither Asio nor a room that acts, and the rooms that decide stay pure;
#   - each third-party library is used in its one room;
#   - a file beyond 600 lines is named (a warning).
# Usage: scripts/check_includes.sh [DIR]   (default: operator/ of this checkout)     scripts/check_includes.sh --self-test
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

check() {
  local dir=$1 files
  mapfile -t files < <(find "$dir" -name '*.h' -o -name '*.cpp' | LC_ALL=C sort)
  awk -v dir="$dir/" -f "$here/check_includes.awk" "$dir/CMakeLists.txt" "${files[@]}"
}

# Each row: a file, the line put into it, and a word of the complaint (empty: it must pass).
self_test() {
  local root failed=0 file line complaint output status
  root=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$root'" EXIT
  while IFS='|' read -r file line complaint; do
    rm -rf "$root/op"
    mkdir -p "$root/op/$(dirname "$file")"
    cat >"$root/op/CMakeLists.txt" <<'CMAKE'
gitsync_room(base   pure)
gitsync_room(object pure  LINK gitsync_base PRIVATE_LINK yaml-cpp::yaml-cpp)
gitsync_room(plan   pure  LINK gitsync_object)
gitsync_room(kube   async LINK gitsync_base)
gitsync_room(git_worker async LINK gitsync_object
             PRIVATE_LINK PkgConfig::LIBGIT2)
gitsync_room(report async LINK gitsync_kube prometheus-cpp::core)
CMAKE
    printf '%s\n' "$line" >"$root/op/$file"
    status=0
    output=$(check "$root/op" 2>&1) || status=$?
    if [ -z "$complaint" ] && [ "$status" -ne 0 ]; then
      echo "check_includes: self-test: $file with '$line' should pass: $output"
      failed=1
    elif [ -n "$complaint" ] && { [ "$status" -eq 0 ] || [[ $output != *"$file:1: "*"$complaint"* ]]; }; then
      echo "check_includes: self-test: $file with '$line' should fail with '$complaint', not: ${output:-nothing}"
      failed=1
    fi
  done <<'TABLE'
plan/a.cpp|#include "object/manifest.h"|
plan/a.cpp|#include "base/error.h"|
plan/a.cpp|#include <vector>|
plan/a.cpp|// #include "kube/client.h"|
plan/a.cpp|#include "kube/client.h"|not linked
plan/a.cpp|  #  include   "kube/client.h" // sly|not linked
plan/a.cpp|#include <kube/client.h>|not linked
plan/a.cpp|#include "../kube/client.h"|relative
plan/a.cpp|#include <boost/asio.hpp>|pure
plan/a.cpp|#include <boost/asio/steady_timer.hpp>|pure
plan/a.cpp|#include <curl/curl.h>|only http/
plan/a.cpp|#include <sys/socket.h>|pure
plan/a.cpp|#include <fstream>|pure
base/a.cpp|#include "object/manifest.h"|not linked
object/a.h|#include <yaml-cpp/yaml.h>|
plan/a.h|#include <yaml-cpp/yaml.h>|only object/
git_worker/a.cpp|#include <git2.h>|
git_worker/a.cpp|#include <curl/curl.h>|
git_worker/a.cpp|#include <git2/sys/transport.h>|
kube/a.cpp|#include <git2.h>|only git_worker/
kube/a.cpp|#include <boost/asio.hpp>|
kube/a.cpp|#include <fstream>|
kube/a.cpp|#include <prometheus/registry.h>|only report/
report/a.cpp|#include <prometheus/registry.h>|
plan/a.cpp|#include <date/tz.h>|only reconcile/
report/deep/a.cpp|#include "plan/step.h"|not linked
report/a.cpp|#include "kube/client.h"|
report/a.cpp|#include "report/metrics.h"|
stray/a.cpp|#include "base/error.h"|no room
kube/a.cpp|#include "stray/a.h"|no room
TABLE
  # A room that decides may not be turned into one that acts by editing the CMake line.
  sed -i 's/^gitsync_room(plan   pure/gitsync_room(plan   async/' "$root/op/CMakeLists.txt"
  rm -rf "$root/op/kube"
  if output=$(check "$root/op" 2>&1); then
    echo "check_includes: self-test: an async plan room should fail"
    failed=1
  fi
  [ "$failed" -eq 0 ] && echo "check_includes: self-test passed"
  return "$failed"
}

if [ "${1:-}" = --self-test ]; then
  self_test
else
  cd "$here/.."
  check "${1:-operator}"
fi
