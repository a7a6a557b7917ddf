#!/usr/bin/env bash
# Feeds every parser that reads foreign bytes with what a fuzzer finds: scripts/fuzz.sh
#   FUZZ_SECONDS   for each target (20)         FUZZ_TARGETS   names of test/fuzz/targets.cpp (all), and of Go's fuzz functions
# What was found new stays in build/fuzz/corpus; what breaks a target is named at the end: add it to test/fuzz/corpus/TARGET/ with
# the change that mends it, and the unit tests replay it from then on. Exit code 1 where something broke.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"
cd "$GITSYNC_ROOT"
seconds=${FUZZ_SECONDS:-20}
case $GITSYNC_CXX in
  clang*) ;;
  *) echo "fuzz: libFuzzer comes with clang: GITSYNC_CXX=clang++-19 make fuzz" >&2 && exit 1 ;;
esac
scripts/build.sh fuzz fuzz
known=$(build/fuzz/fuzz 2>&1 | tail -n +2 || true) # without a target it names them
read -ra targets <<<"${FUZZ_TARGETS:-$(tr '\n' ' ' <<<"$known")}"
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:allocator_may_return_null=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
broken=()
for target in "${targets[@]}"; do
  grep -qx "$target" <<<"$known" || continue
  found=build/fuzz/corpus/$target
  mkdir -p "$found" build/fuzz/broken
  log=build/fuzz/$target.log
  if GITSYNC_FUZZ_TARGET=$target build/fuzz/fuzz -max_total_time="$seconds" -max_len=16384 -timeout=10 -rss_limit_mb=1024 \
    -artifact_prefix="build/fuzz/broken/$target-" "$found" "test/fuzz/corpus/$target" >"$log" 2>&1; then
    awk -v target="$target" '/^Done/ {done = $2} /cov:/ {for (i = 1; i < NF; ++i) if ($i == "cov:") cov = $(i + 1)}
      END {printf "fuzz: %-10s %9d runs, coverage %d\n", target, done, cov}' "$log"
  else
    tail -n 30 "$log"
    broken+=("$target")
  fi
done
# The render worker's, in Go.
(
  cd operator/render/worker
  export CGO_ENABLED=0
  { grep -ho '^func Fuzz[A-Za-z]*' ./*_test.go || true; } | while read -r _ name; do
    [ -z "${FUZZ_TARGETS:-}" ] || grep -qw "$name" <<<"$FUZZ_TARGETS" || continue
    echo "fuzz: $name $(go test -run '^$' -fuzz "^$name\$" -fuzztime "${seconds}s" . </dev/null | tail -n 1)"
  done
) || broken+=("render worker")
if [ ${#broken[@]} -gt 0 ]; then
  echo "fuzz: broken: ${broken[*]} (inputs in build/fuzz/broken/)" >&2
  exit 1
fi
