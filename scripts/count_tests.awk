# Reads `ctest -V` and prints "PASSED FAILED SKIPPED". A Catch2 binary counts by its test cases (from its closing lines, the same
# in versions 2 and 3), any other test as one. A test that ctest calls failed counts at least one failure, so a binary that
# crashed, timed out or never started is never lost.
function number(text) { return match(text, /[0-9]+/) ? substr(text, RSTART, RLENGTH) + 0 : 0 }

/^[0-9]+: All tests passed \(/ {
  id = number($0)
  match($0, /in [0-9]+ test case/)
  passed[id] += number(substr($0, RSTART))
  counted[id] = 1
}
/^[0-9]+: test cases: / {
  id = number($0)
  fields = split($0, part, "|")
  for (i = 2; i <= fields; ++i) {
    if (part[i] ~ /passed/) passed[id] += number(part[i])
    else if (part[i] ~ /failed as expected/) failed[id] += number(part[i]) # a known defect is a defect
    else if (part[i] ~ /failed/) failed[id] += number(part[i])
    else if (part[i] ~ /skipped/) skipped[id] += number(part[i])
  }
  counted[id] = 1
}
/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / {
  match($0, /#[0-9]+/)
  id = number(substr($0, RSTART))
  ok = $0 ~ / Passed +[0-9.]+ sec/
  skip = $0 ~ /\*\*\*Skipped/ || $0 ~ /Not Run \(Disabled\)/
  if (!counted[id]) {
    if (ok) ++passed[id]
    else if (skip) ++skipped[id]
    else ++failed[id]
  } else if (!ok && !skip && !failed[id]) {
    ++failed[id]
  }
  seen[id] = 1
}
END {
  for (id in seen) {
    all_passed += passed[id]
    all_failed += failed[id]
    all_skipped += skipped[id]
  }
  print all_passed + 0, all_failed + 0, all_skipped + 0
}
