#!/usr/bin/env bash
# Builds one preset and runs its tests: scripts/test.sh [PRESET] [CTEST-OPTION...]; PRESET defaults to dev.
#        scripts/test.sh --self-test   checks the counting
# The last line is "N passed, N failed, N skipped"; build/PRESET/test-counts holds the three numbers.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

# Each row: what ctest -V prints (lines parted by ;), and the counts that come of it.
self_test() {
  local failed=0 input expected got
  while IFS='@' read -r input expected; do
    got=$(tr ';' '\n' <<<"$input" | awk -f "$(dirname "$0")/count_tests.awk")
    [ "$got" = "$expected" ] || { echo "count_tests.awk: '$input' gives '$got', not '$expected'" && failed=1; }
  done <<'TABLE'
1: All tests passed (17 assertions in 5 test cases);1/1 Test #1: unit ....   Passed    0.10 sec@5 0 0
1: All tests passed (1 assertion in 1 test case);1/1 Test #1: unit ....   Passed    0.10 sec@1 0 0
1: test cases: 12 | 9 passed | 2 failed | 1 failed as expected;1/1 Test #1: unit ....***Failed    0.10 sec@9 3 0
1: test cases:  4 |  3 passed | 1 skipped;1/1 Test #1: unit ....   Passed    0.10 sec@3 0 1
2: test cases: 3 | 3 failed;1: All tests passed (9 assertions in 4 test cases); 1/2 Test  #1: a .   Passed 1.00 sec;2/2 Test #2: b .***Failed 1.00 sec@4 3 0
1: All tests passed (9 assertions in 4 test cases);1/1 Test #1: leaky ...***Failed    0.10 sec@4 1 0
1: Segmentation fault;1/1 Test #1: crash ...***Exception: SegFault  0.10 sec@0 1 0
1/2 Test #1: plain ...   Passed    0.10 sec;2/2 Test #2: absent ...***Not Run   0.00 sec@1 1 0
1/1 Test #1: slow ...***Timeout 300.00 sec@0 1 0
1/1 Test #1: off ...***Skipped   0.00 sec@0 0 1
No tests were found!!!@0 0 0
TABLE
  return "$failed"
}
if [ "${1:-}" = --self-test ]; then
  self_test
  exit
fi

preset=${1:-dev}
[ $# -eq 0 ] || shift
cd "$GITSYNC_ROOT"
counts=build/$preset/test-counts
log=build/$preset/test.log
rm -f "$counts"

echo "test: building preset $preset with $GITSYNC_CXX"
scripts/build.sh "$preset"

# A leak or a race fails the test that has it, at its first report.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}
export GITSYNC_BINARY=$GITSYNC_ROOT/build/$preset/gitsync # what the cluster tests start
unset KUBECONFIG # the tests start clusters of their own

echo "test: running the tests of preset $preset (all output in $log)"
[ -n "${GITSYNC_YAML_ORACLE:-}" ] || echo "test: no YAML oracle in build/helpers: the comparison with Kubernetes' decoder is left out"
status=0
ctest --preset "$preset" -V --no-tests=error "$@" 2>&1 | tee "$log" || status=$?
awk -f scripts/count_tests.awk "$log" >"$counts"
read -r passed failed skipped <"$counts"
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi # ctest itself could not run
echo "$passed $failed $skipped" >"$counts"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
