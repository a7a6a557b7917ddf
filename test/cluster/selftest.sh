#!/usr/bin/env bash
# Proves what the tests rely on: two clusters at once, nothing left behind however a cluster's owner dies, a refusal instead of
# damage, and a failure that names its cause. A cluster's programs all run in its directory, which is how they are found.
set -uo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/../../scripts/env.sh"
cluster=$GITSYNC_LOCALCLUSTER
kubectl=$GITSYNC_KUBECTL
work=$(mktemp -d)
passed=0 failed=0
patience=60 # seconds until something that must happen counts as not happening

clean_up() {
  for dir in "$work"/*/; do "$cluster" down --dir "$dir" 2>/dev/null; done
  rm -rf "$work"
}
trap clean_up EXIT

check() { # check NAME COMMAND...
  local name=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $name"
  fi
}
not() { ! "$@"; }
programs() { # the process ids whose working directory is $1 or below
  local pid cwd
  for pid in /proc/[0-9]*; do
    cwd=$(readlink "$pid/cwd" 2>/dev/null) || continue
    case $cwd in "$1" | "$1/"* | "$1 (deleted)") echo "${pid##*/}" ;; esac
  done
}
gone() { # waits until every process named is gone; a zombie that nobody reaps has no working directory any more
  local pid
  for pid in "$@"; do
    while readlink "/proc/$pid/cwd" >/dev/null 2>&1; do
      [ "$SECONDS" -lt "$deadline" ] || return 1
      read -r -t 0.05 <> <(:) || true
    done
  done
}
removed() {
  while [ -e "$1" ]; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    read -r -t 0.05 <> <(:) || true
  done
}
within() { deadline=$((SECONDS + patience)); "$@"; }
field() { sed -n "s/.*\"$1\":\"\?\([^,\"}]*\).*/\1/p"; }

# 1. Two at once, both at work, one with fake nodes and an audit log, the other bare.
"$cluster" up --dir "$work/a" --audit-log >"$work/a.json" &
first=$!
"$cluster" up --dir "$work/b" --kwok=false >"$work/b.json"
check "the bare cluster starts" [ $? -eq 0 ]
wait "$first"
check "the cluster with nodes starts beside it" [ $? -eq 0 ]
export KUBECONFIG=$work/a/kubeconfig
check "a Deployment becomes Available on the fake nodes" eval '"$kubectl" create deployment web --image=web --replicas=3 >/dev/null &&
  "$kubectl" wait --timeout=60s --for=condition=Available deployment/web >/dev/null'
check "the audit log names the request" grep -q '"requestURI":"/apis/apps/v1/namespaces/default/deployments' "$work/a/audit.log"
check "the other cluster knows nothing of it" not "$kubectl" --kubeconfig "$work/b/kubeconfig" get deployment web -o name 2>/dev/null
check "up on a running cluster only prints it" [ "$("$cluster" up --dir "$work/a" | field pid)" = "$(field pid <"$work/a.json")" ]
check "run on a running cluster is refused" not "$cluster" run --dir "$work/a" 2>/dev/null
check "one runs five programs, the one without nodes four" [ "$(programs "$work/a" | wc -l) $(programs "$work/b" | wc -l)" = "5 4" ]

# 2. A killed supervisor takes its programs along; the same directory serves again.
mapfile -t pids < <(programs "$work/b")
kill -KILL "$(field pid <"$work/b.json")"
check "nothing runs after the supervisor's kill -9" within gone "${pids[@]}"
check "status says that nothing runs" not "$cluster" status --dir "$work/b" 2>/dev/null
check "down removes what the killed one left" eval '"$cluster" down --dir "$work/b" && [ ! -e "$work/b" ]'

# 3. A killed program ends the cluster, and the failure names it (the supervisor in the foreground, fed by a pipe).
mkfifo "$work/hold"
"$cluster" run --dir "$work/c" --kwok=false >"$work/c.json" 2>"$work/c.err" <"$work/hold" &
supervisor=$!
exec 8>"$work/hold"
until grep -q ready "$work/c.json" || ! kill -0 "$supervisor" 2>/dev/null; do read -r -t 0.05 <> <(:) || true; done
mapfile -t pids < <(programs "$work/c")
for pid in "${pids[@]}"; do
  if tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q ' etcd '; then kill -KILL "$pid"; fi
done
wait "$supervisor"
check "the supervisor fails when etcd is killed" [ $? -eq 1 ]
check "it says which program ended" grep -q 'etcd ended (signal: killed)' "$work/c.err"
check "the others are gone too" within gone "${pids[@]}"
check "the logs stay, the data doesn't" eval '[ -s "$work/c/logs/kube-apiserver.log" ] && [ ! -e "$work/c/etcd" ]'
exec 8>&-

# 4. A killed test: the supervisor sees its standard input close. The "test" is a shell that holds the pipe and waits.
bash -c 'exec 7> >("$1" run --dir "$2" --kwok=false >"$3"); echo $$; read -r' test "$cluster" "$work/d" "$work/d.json" \
  >"$work/d.pid" <"$work/hold" &
exec 8>"$work/hold"
deadline=$((SECONDS + patience))
until grep -qs ready "$work/d.json" || [ "$SECONDS" -ge "$deadline" ]; do read -r -t 0.05 <> <(:) || true; done
mapfile -t pids < <(programs "$work/d")
check "the killed test's cluster was running" [ "${#pids[@]}" -eq 4 ]
kill -KILL "$(cat "$work/d.pid")"
check "nothing runs after the test's kill -9" within gone "${pids[@]}"
check "nor does its directory stay" within removed "$work/d"
exec 8>&-

# 5. A directory with somebody's files is refused and untouched.
mkdir "$work/e" && echo mine >"$work/e/file"
check "a foreign directory is refused" not "$cluster" run --dir "$work/e" 2>/dev/null
check "and left as it was" [ "$(cat "$work/e/file")" = mine ]

# 6. An orderly end.
mapfile -t pids < <(programs "$work/a")
check "down ends the cluster" "$cluster" down --dir "$work/a"
check "nothing of it runs" within gone "${pids[@]}"
check "nothing of it is left on disk" [ ! -e "$work/a" ]

if [ "$failed" -eq 0 ]; then echo "All tests passed ($passed assertions in $passed test cases)"; else
  echo "test cases: $((passed + failed)) | $passed passed | $failed failed"
fi
exit $((failed > 0))
