#!/usr/bin/env bash
# All that can be said about the sources without running them: formatting (C++, Go), layering, shell scripts, copies of the
# CRDs, clang-tidy. scripts/lint.sh --fix formats instead. A tool that this system's packages don't have is named and left out.
# LINT=all runs clang-tidy on every file instead of those that differ from LINT_BASE (default HEAD).
set -uo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"
cd "$GITSYNC_ROOT" || exit 1
failed=0
formatter=clang-format-19 # versions differ in what they make of the same style
tidy=clang-tidy-19

# files GLOB...: tracked and new files, without ignored and deleted ones.
files() { git ls-files -co --exclude-standard -- "$@" | while read -r f; do [ ! -f "$f" ] || echo "$f"; done; }
have() {
  command -v "$1" >/dev/null && return 0
  echo "lint: $1 is not here: $2 left out"
  return 1
}
# step NAME COMMAND...: runs it, and remembers that it failed.
step() {
  local name=$1
  shift
  if "$@"; then
    echo "lint: $name: ok"
  else
    echo "lint: $name: FAILED"
    failed=1
  fi
}

mapfile -t cpp < <(files '*.cpp' '*.h')
mapfile -t go_files < <(files '*.go')
mapfile -t shell < <(files '*.sh' .ci/run)

if [ "${1:-}" = --fix ]; then
  "$formatter" -i "${cpp[@]}" && { [ ${#go_files[@]} -eq 0 ] || gofmt -w "${go_files[@]}"; }
  exit
fi

# The first complaint of each file is enough: make fmt mends them all.
cpp_format() {
  local bad
  bad=$(printf '%s\n' "${cpp[@]}" | xargs -P "$(nproc)" -n 8 "$formatter" --dry-run -Werror --ferror-limit=1 2>&1 | grep -oE '^[^ :]+:[0-9]+:[0-9]+: error' || true)
  [ -z "$bad" ] || sed 's/: error$/: not formatted; run make fmt/' <<<"$bad"
  [ -z "$bad" ]
}

go_format() {
  local bad
  bad=$(gofmt -l "${go_files[@]}")
  [ -z "$bad" ] || printf '%s: not formatted; run make fmt\n' "$bad"
  [ -z "$bad" ]
}

# Paths of one machine must not get into the repository: it is public and built elsewhere.
machine_paths() {
  local bad
  bad=$(git grep -nIE --untracked "(^|[^a-zA-Z0-9_./-])(${HOME%/}|${GITSYNC_ROOT%/*})/" -- . ':!*.sum' || true)
  [ -z "$bad" ] || printf '%s\n' "$bad"
  [ -z "$bad" ]
}

# The sources that clang-tidy looks at: all, or those that differ from LINT_BASE.
tidy_sources() {
  if [ "${LINT:-}" = all ] || ! git rev-parse -q --verify "${LINT_BASE:-HEAD}^{commit}" >/dev/null; then
    files '*.cpp'
  else
    { git diff --name-only --diff-filter=d "${LINT_BASE:-HEAD}" -- '*.cpp'; git ls-files -o --exclude-standard -- '*.cpp'; } | sort -u
  fi
}

# Without precompiled headers: those of the build are another compiler's on some systems, and each file must stand alone.
run_tidy() {
  local sources=("$@")
  if [ ! -f build/lint/compile_commands.json ] || [ CMakeLists.txt -nt build/lint/compile_commands.json ]; then
    cmake -S . -B build/lint -G Ninja -DCMAKE_CXX_COMPILER="$(command -v "$GITSYNC_CXX")" -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON \
      -DCMAKE_BUILD_TYPE=Debug >build/lint.log 2>&1 || { cat build/lint.log; return 1; }
  else
    cmake build/lint >build/lint.log 2>&1 || { cat build/lint.log; return 1; }
  fi
  printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -n 1 "$tidy" -p build/lint --quiet 2> >(grep -vE '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header' >&2)
}

have "$formatter" "the formatting check" && step "format of ${#cpp[@]} C++ files" cpp_format
[ ${#go_files[@]} -eq 0 ] || step "format of ${#go_files[@]} Go files" go_format
step "self-test of the layering check" scripts/check_includes.sh --self-test
step "self-test of the test counter" scripts/test.sh --self-test
step "layering" scripts/check_includes.sh
have shellcheck "the check of the shell scripts" && step "${#shell[@]} shell scripts" shellcheck -x -S warning "${shell[@]}"
step "no paths of this machine" machine_paths
[ ! -x scripts/sync_crds.sh ] || step "the chart's CRDs are the same as crds/" scripts/sync_crds.sh --check
if have "$tidy" "clang-tidy"; then
  mapfile -t sources < <(tidy_sources)
  mkdir -p build
  if [ ${#sources[@]} -gt 0 ]; then step "clang-tidy on ${#sources[@]} files" run_tidy "${sources[@]}"; else echo "lint: clang-tidy: no changed files"; fi
fi
exit $failed
