#!/usr/bin/env bash
# Shows the operator's main job from one command: scripts/demo.sh (make demo). It asks nothing.
#   KUBECONFIG=FILE  use that cluster (kind, k3s, VKE ...) instead of a local one: the CRDs are installed there, the operator runs
#                    here as a process, and what the demo made is deleted at the end
#   KEEP=1           leave all of it running, and print the KUBECONFIG and how to stop it
#   GITSYNC_BINARY   the operator (default build/dev/gitsync)
# Everything else lies in one temporary directory. Each program is ended by its own id, however the demo ends.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

given_kubeconfig=${KUBECONFIG:-}
waits=true # for health: a given cluster may not be able to pull the image
[ -z "$given_kubeconfig" ] || waits=false
keep=${KEEP:-}
gitsync=${GITSYNC_BINARY:-$GITSYNC_ROOT/build/dev/gitsync}
app=volaticloud             # namespace and name of all that is demonstrated
ns="gitsync-demo"           # where GitRepository, GitSync and the operator's Lease live
path=deployments/apps/$app  # in the checkout and in the demo's repository
patience=60                 # seconds for anything to happen

operator_pid=
cluster_pid=
namespaces_made=            # not empty: the two namespaces are ours to delete
crds_made=
figures=()
dir=$(mktemp -d "${TMPDIR:-/tmp}/gitsync-demo.XXXXXX")

# --- telling -------------------------------------------------------------------------------------------------------------------
if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' off=$'\e[0m'; else bold='' dim='' off=''; fi
began=${EPOCHREALTIME/[.,]/}
step() { printf '\n%s== %s%s %s(%d.%d s)%s\n' "$bold" "$*" "$off" "$dim" $((($(now) - began) / 1000000)) $((($(now) - began) / 100000 % 10)) "$off"; }
say() { printf '   %s\n' "$*"; }
indent() { sed 's/^./   &/'; }
# show COMMAND...: as a user would type it, and what it says.
show() {
  printf '   %s$ %s%s\n' "$dim" "$*" "$off"
  "$@" 2>&1 | indent
}
fail() {
  printf '\ndemo: %s\n' "$*" >&2
  exit 1
}
figure() { figures+=("$1|$2|$3"); } # what|value|how it was measured
now() { echo "${EPOCHREALTIME/[.,]/}"; } # microseconds
since() { # milliseconds since a now(), with one digit
  local micros=$(($(now) - $1))
  printf '%d.%d' $((micros / 1000)) $((micros / 100 % 10))
}

kubectl() { KUBECONFIG=$dir/kubeconfig "$GITSYNC_KUBECTL" "$@"; }
gitsync() { KUBECONFIG=$dir/kubeconfig "$gitsync" "$@"; }
git() {
  GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=demo GIT_AUTHOR_EMAIL=demo@example.com GIT_COMMITTER_NAME=demo \
    GIT_COMMITTER_EMAIL=demo@example.com command git -C "$dir/work" "$@"
}
field() { kubectl -n "$ns" get gitsync "$app" -o "jsonpath={.status.$1}"; }

# --- ending --------------------------------------------------------------------------------------------------------------------
finish() {
  local code=$?
  trap - EXIT INT TERM HUP
  set +e
  if [ "$code" != 0 ] && [ -s "$dir/operator.log" ]; then
    echo "demo: the operator's last words:" >&2
    tail -n 12 "$dir/operator.log" | indent >&2
  fi
  if [ "$code" = 0 ] && [ -n "$keep" ]; then
    told_how_to_stop
    exit 0
  fi
  [ "$code" = 0 ] && step "Stopping all that was started"
  if [ -n "$given_kubeconfig" ] && [ -n "$namespaces_made" ]; then give_back_cluster; fi
  if [ -n "$operator_pid" ]; then
    kill -TERM "$operator_pid" 2>/dev/null
    wait "$operator_pid" 2>/dev/null
  fi
  if [ -n "$cluster_pid" ]; then
    if [ -n "$keep" ]; then
      "$GITSYNC_LOCALCLUSTER" down --dir "$dir/cluster" >/dev/null
    else
      exec {cluster_input}>&- # the supervisor ends the cluster when its input ends
      wait "$cluster_pid" 2>/dev/null
    fi
  fi
  rm -rf "$dir"
  exit "$code"
}

# Deletes what the demo made in a cluster that is not its own; the GitSync goes first, so that the operator prunes.
give_back_cluster() {
  say "deleting the demo's objects from the cluster"
  if ! kubectl -n "$ns" delete gitsync --all --timeout="${patience}s" >/dev/null 2>&1; then
    kubectl -n "$ns" patch gitsync "$app" --type=merge -p '{"metadata":{"finalizers":null}}' >/dev/null 2>&1
    kubectl -n "$ns" delete gitsync --all --timeout="${patience}s" >/dev/null 2>&1
  fi
  kubectl delete namespace "$app" "$ns" --ignore-not-found --timeout=120s >/dev/null || say "the namespaces $app and $ns are still there"
  if [ -n "$crds_made" ] && [ -z "$(kubectl get gitsync,gitrepository -A -o name 2>/dev/null)" ]; then
    kubectl delete -f "$GITSYNC_ROOT/crds" --ignore-not-found --timeout="${patience}s" >/dev/null
  fi
}

told_how_to_stop() {
  local stop=$dir/stop.sh
  {
    echo '#!/usr/bin/env bash'
    if [ -n "$given_kubeconfig" ]; then
      echo "\"$GITSYNC_KUBECTL\" --kubeconfig '$dir/kubeconfig' -n $ns delete gitsync --all --timeout=${patience}s"
      echo "\"$GITSYNC_KUBECTL\" --kubeconfig '$dir/kubeconfig' delete namespace $app $ns --ignore-not-found"
    fi
    echo "kill $operator_pid && tail --pid=$operator_pid -f /dev/null"
    [ -n "$given_kubeconfig" ] || echo "\"$GITSYNC_LOCALCLUSTER\" down --dir '$dir/cluster'"
    echo "rm -rf '$dir'"
  } >"$stop"
  chmod +x "$stop"
  step "KEEP=1: all of it goes on running"
  say "export KUBECONFIG=$dir/kubeconfig"
  say "alias kubectl=$GITSYNC_KUBECTL"
  say "cd $dir/work                  # commit and git push here, then: $gitsync reconcile $app -n $ns"
  say "tail -f $dir/operator.log     # pid $operator_pid, listens on $(listening)"
  say "$stop       # ends it all"
}

trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# --- starting ------------------------------------------------------------------------------------------------------------------
start_cluster() {
  if [ -n "$given_kubeconfig" ]; then
    step "Using the cluster of KUBECONFIG"
    KUBECONFIG=$given_kubeconfig "$GITSYNC_KUBECTL" config view --minify --flatten --raw >"$dir/kubeconfig" \
      || fail "KUBECONFIG=$given_kubeconfig has no usable current context"
    say "$(kubectl config current-context): $(kubectl version -o json | sed -n 's/.*"gitVersion": "\(.*\)",/\1/p' | tail -n 1)"
    refuse_foreign
    return
  fi
  step "A local Kubernetes cluster (etcd, API server, controllers, scheduler, two KWOK nodes)"
  local ready options=(--dir "$dir/cluster")
  if [ -n "$keep" ]; then
    ready=$("$GITSYNC_LOCALCLUSTER" up "${options[@]}") || fail "the local cluster does not start"
    cluster_pid=$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' <<<"$ready")
  else
    mkfifo "$dir/input" "$dir/output"
    "$GITSYNC_LOCALCLUSTER" run "${options[@]}" <"$dir/input" >"$dir/output" 2>"$dir/cluster.log" &
    cluster_pid=$!
    exec {cluster_input}>"$dir/input" {cluster_output}<"$dir/output"
    read -r -t 150 ready <&"$cluster_output" || fail "the local cluster does not start: $(cat "$dir/cluster.log")"
  fi
  cp "$dir/cluster/kubeconfig" "$dir/kubeconfig"
  local seconds
  seconds=$(sed -n 's/.*"seconds":\([0-9.]*\).*/\1/p' <<<"$ready")
  figure "cluster: start to ready" "$(printf '%.1f s' "$seconds")" "nodes Ready, default ServiceAccount there"
  show kubectl get nodes
}

# In somebody's own cluster: nothing of theirs is taken over, and no second operator works beside theirs.
refuse_foreign() {
  local name holder
  for name in "$ns" "$app"; do
    if kubectl get namespace "$name" >/dev/null 2>&1; then
      fail "namespace/$name exists in this cluster already; the demo would take it over. Delete it or use another cluster."
    fi
  done
  holder=$(kubectl get leases -A --field-selector metadata.name=gitsync-operator -o 'jsonpath={.items[*].spec.holderIdentity}')
  [ -z "$holder" ] || fail "an operator ($holder) runs in this cluster already; use a cluster without one."
}

listening() { sed -n 's/.*"address":"\([^"]*\)".*"msg":"listening".*/\1/p; s/.*"msg":"listening".*"address":"\([^"]*\)".*/\1/p' "$dir/operator.log" | head -n 1; }

start_operator() {
  step "The operator"
  kubectl get crd gitsyncs.gitops.volaticloud.com >/dev/null 2>&1 || crds_made=yes
  show kubectl apply -f crds
  kubectl wait --for=condition=Established --timeout="${patience}s" -f crds >/dev/null
  namespaces_made=yes
  kubectl create namespace "$ns" >/dev/null
  local arguments=(operator --kubeconfig "$dir/kubeconfig" --mirrors "$dir/mirrors" --listen 127.0.0.1:0 --namespace "$ns"
    --allow-file-urls)
  if [ -n "$keep" ]; then
    setsid "$gitsync" "${arguments[@]}" </dev/null >>"$dir/operator.log" 2>&1 &
  else
    setpriv --pdeathsig KILL "$gitsync" "${arguments[@]}" </dev/null >>"$dir/operator.log" 2>&1 &
  fi
  operator_pid=$!
  # It says when it leads; until then there is nothing to see.
  local line
  while IFS= read -r -t "$patience" line; do
    case $line in *'"msg":"leading"'*) break ;; esac
  done < <(exec tail -n +1 --pid="$operator_pid" -F "$dir/operator.log" 2>/dev/null)
  kill -0 "$operator_pid" 2>/dev/null || fail "the operator ended at its start"
  [[ ${line:-} == *'"msg":"leading"'* ]] || fail "the operator does not begin to work within $patience s"
  say "runs as process $operator_pid, has the Lease $ns/gitsync-operator, serves /healthz /readyz /metrics on $(listening)"
}

# commit MESSAGE: everything in the work tree, pushed to the bare repository.
commit() {
  git add --all
  git commit --quiet -m "$1"
  git push --quiet origin HEAD:refs/heads/main
  say "git push: $(git rev-parse --short HEAD) \"$1\""
}

# reconcile WHAT: asks for it as a user does, and keeps how long it took from the command's start to its end.
reconcile() {
  local start
  start=$(now)
  show gitsync reconcile "$app" -n "$ns" --timeout "${patience}s"
  figure "$1" "$(since "$start") ms" "from \`gitsync reconcile\` to its end, after the push"
}

table() { kubectl -n "$ns" get gitsync "$app"; }

# --- acts ----------------------------------------------------------------------------------------------------------------------
first_commit() {
  step "VolatiCloud's Namespace, Deployment, Service and ConfigMap in a bare repository"
  command git init --quiet --bare --initial-branch=main "$dir/repository.git"
  mkdir -p "$dir/work"
  git init --quiet --initial-branch=main
  git remote add origin "$dir/repository.git"
  mkdir -p "$dir/work/$path"
  cp "$path"/*.yaml "$dir/work/$path/"
  commit "Run VolatiCloud"
  step "A GitRepository and a GitSync that follow it"
  local start line
  cat >"$dir/gitsync.yaml" <<YAML
apiVersion: gitops.volaticloud.com/v1alpha1
kind: GitRepository
metadata: {name: $app, namespace: $ns}
spec:
  url: file://$dir/repository.git
  ref: {branch: main}
---
apiVersion: gitops.volaticloud.com/v1alpha1
kind: GitSync
metadata: {name: $app, namespace: $ns}
spec:
  sourceRef: {name: $app}
  path: ./$path
  prune: {maxDelete: 1}
  rollback: {enabled: $waits}
  health: {wait: $waits, timeout: 5s}
YAML
  start=$(now)
  show kubectl apply -f "$dir/gitsync.yaml"
  printf '   %s$ kubectl get gitsync -w%s\n' "$dim" "$off"
  local watch watch_pid
  exec {watch}< <(KUBECONFIG=$dir/kubeconfig exec "$GITSYNC_KUBECTL" -n "$ns" get gitsync "$app" -w 2>/dev/null)
  watch_pid=$!
  while IFS= read -r -t "$patience" line <&"$watch"; do
    say "$line"
    [[ $line =~ ^$app\ +True ]] && break
  done
  kill "$watch_pid" 2>/dev/null || true
  exec {watch}<&-
  [[ ${line:-} =~ ^$app\ +True ]] || fail "gitsync $ns/$app: is not Ready within $patience s: $(field 'conditions[?(@.type=="Ready")].message')"
  figure "new GitSync: created to Ready" "$(since "$start") ms" "seen by kubectl get -w, clone included"
  show kubectl -n "$app" get deployment,service,configmap -l gitops.volaticloud.com/sync
}

second_commit() {
  step "A second commit: debug logs, three replicas"
  sed -i 's/LOG_LEVEL: info/LOG_LEVEL: debug/' "$dir/work/$path/configmap.yaml"
  sed -i 's/replicas: 2/replicas: 3/' "$dir/work/$path/deployment.yaml"
  commit "Three replicas with debug logs"
  reconcile "commit: 2 of 4 objects changed"
  show kubectl -n "$app" get configmap "$app" -o 'jsonpath={.data.VOLATICLOUD_LOG_LEVEL}{"\n"}'
  if [ -z "$given_kubeconfig" ]; then # a real cluster would have to pull the image; the demo is about the operator
    show kubectl -n "$app" rollout status deployment "$app" --timeout="${patience}s"
  fi
  table | indent
}

# undone OPERATION WHAT: waits until the GitSync's status tells of the correction, and shows it.
undone() {
  kubectl -n "$ns" wait gitsync "$app" --for="jsonpath={.status.lastCorrection.operation}=$1" --timeout="${patience}s" >/dev/null \
    || fail "gitsync $ns/$app: tells no correction of $2 within $patience s"
  local object manager paths milliseconds
  object=$(field lastCorrection.object) manager=$(field lastCorrection.manager)
  paths=$(field 'lastCorrection.paths[*]') milliseconds=$(field lastCorrection.milliseconds)
  milliseconds=$(printf '%.1f' "$milliseconds")
  say "undone: $object was ${1,,} by ${manager:-somebody (a deletion leaves no field manager behind)}${paths:+ in $paths}; back after $milliseconds ms"
  figure "drift: $2" "$milliseconds ms" "from the watch event to the answer of the correcting write${manager:+; by $manager}"
}

drift() {
  step "Somebody deletes the Service"
  show kubectl -n "$app" delete service "$app"
  undone Deleted "kubectl delete service"
  show kubectl -n "$app" get service "$app"
  step "Somebody patches the Deployment"
  show kubectl -n "$app" patch deployment "$app" -p '{"spec":{"replicas":0}}'
  undone Modified "kubectl patch deployment"
  show kubectl -n "$app" get deployment "$app" -o 'jsonpath={.spec.replicas} replicas{"\n"}'
}

prune() {
  step "A file is removed from git, its object is pruned"
  git rm --quiet "$path/service.yaml"
  commit "No Service any more"
  reconcile "commit: 1 object pruned"
  kubectl -n "$app" wait --for=delete service "$app" --timeout="${patience}s" >/dev/null || fail "service $app/$app: was not pruned"
  show kubectl -n "$app" get service --ignore-not-found
  table | indent
}

broken() {
  step "A broken commit: a key stands twice; it also wants nine replicas"
  echo '  VOLATICLOUD_PORT: "9090"' >>"$dir/work/$path/configmap.yaml"
  sed -i 's/replicas: 3/replicas: 9/' "$dir/work/$path/deployment.yaml"
  commit "Oops"
  printf '   %s$ gitsync reconcile %s -n %s%s\n' "$dim" "$app" "$ns" "$off"
  local said
  if said=$(gitsync reconcile "$app" -n "$ns" --timeout "${patience}s" 2>&1); then
    indent <<<"$said"
    fail "gitsync $ns/$app: the broken commit was not refused"
  fi
  indent <<<"$said"
  [[ $said =~ configmap\.yaml:[0-9]+ ]] || fail "gitsync $ns/$app: the refusal names no file and line"
  figure "broken commit" "refused" "${BASH_REMATCH[0]}"
  say "nothing of it was applied, and the last good revision stays enforced, also against drift:"
  show kubectl -n "$app" delete configmap "$app"
  undone Deleted "kubectl delete configmap, git broken"
  show kubectl -n "$app" get deployment,configmap -l gitops.volaticloud.com/sync
  step "It is repaired"
  revert "commit: repaired, nothing to change"
}

# revert WHAT: takes the last commit back, and reconciles.
revert() {
  git revert --no-edit HEAD >/dev/null
  git push --quiet origin HEAD:refs/heads/main
  say "git push: $(git rev-parse --short HEAD) \"$(git log -1 --format=%s)\""
  reconcile "$1"
  table | indent
}

# Pods of the local cluster are played by KWOK: an image whose tag is "missing" is one that the registry does not have.
rollback() {
  step "A commit with an image that nobody has"
  if [ "$waits" = false ]; then
    say "left out on a given cluster, where it depends on the registry whether the good image can be pulled"
    return
  fi
  sed -i 's|\(image: [^:]*\):.*|\1:missing|' "$dir/work/$path/deployment.yaml"
  sed -i 's/LOG_LEVEL: debug/LOG_LEVEL: trace/' "$dir/work/$path/configmap.yaml"
  local start
  commit "A new release"
  start=$(now)
  printf '   %s$ gitsync reconcile %s -n %s%s\n' "$dim" "$app" "$ns" "$off"
  gitsync reconcile "$app" -n "$ns" --timeout "${patience}s" 2>&1 | indent || true
  kubectl -n "$ns" wait gitsync "$app" --for='jsonpath={.status.conditions[?(@.type=="Ready")].reason}=RolledBack' \
    --timeout="${patience}s" >/dev/null || fail "gitsync $ns/$app: was not rolled back within $patience s"
  figure "bad image: rolled back" "$(since "$start") ms" "from \`gitsync reconcile\`; 5 s of it are health.timeout"
  table | indent
  show kubectl -n "$app" get configmap "$app" -o 'jsonpath={.data.VOLATICLOUD_LOG_LEVEL}{"\n"}'
  show kubectl -n "$app" rollout status deployment "$app" --timeout="${patience}s"
  revert "commit: reverted, nothing to change"
}

# refused WHAT: asks for it as a user does, and expects that it isn't carried out.
refused() {
  local said
  printf '   %s$ gitsync reconcile %s -n %s%s\n' "$dim" "$app" "$ns" "$off"
  if said=$(gitsync reconcile "$app" -n "$ns" --timeout "${patience}s" 2>&1); then
    indent <<<"$said"
    fail "gitsync $ns/$app: $1"
  fi
  indent <<<"$said"
}

# plan: what waits; gitsync plan ends with 1 where something does.
plan() {
  local code=0
  printf '   %s$ gitsync plan %s -n %s%s\n' "$dim" "$app" "$ns" "$off"
  gitsync plan "$app" -n "$ns" >"$dir/plan" 2>&1 || code=$?
  indent <"$dir/plan"
  [ "$code" = 1 ] || fail "gitsync $ns/$app: shows no plan"
}

production() {
  step "Production: from now on every plan waits for an Approval"
  show kubectl -n "$ns" patch gitsync "$app" --type=merge -p '{"spec":{"approval":{"required":true}}}'
  sed -i 's/replicas: 3/replicas: 4/' "$dir/work/$path/deployment.yaml"
  commit "Four replicas"
  refused "a plan was carried out without an Approval"
  plan
  say "what was approved before stays enforced meanwhile:"
  show kubectl -n "$app" patch deployment "$app" -p '{"spec":{"replicas":1}}'
  undone Modified "kubectl patch deployment, a plan waits"
  show kubectl -n "$app" get deployment "$app" -o 'jsonpath={.spec.replicas} replicas{"\n"}'
  local start
  start=$(now)
  show gitsync approve "$app" -n "$ns"
  kubectl -n "$app" wait deployment "$app" --for=jsonpath='{.spec.replicas}'=4 --timeout="${patience}s" >/dev/null \
    || fail "deployment $app/$app: the approved plan was not carried out"
  figure "approval: carried out" "$(since "$start") ms" "from \`gitsync approve\` to the changed Deployment"
  kubectl -n "$ns" wait gitsync "$app" --for=condition=Ready --timeout="${patience}s" >/dev/null || fail "gitsync $ns/$app: is not Ready"
  table | indent
}

approval() {
  step "A commit that would delete more than spec.prune.maxDelete waits for consent"
  git rm --quiet "$path/deployment.yaml" "$path/configmap.yaml"
  commit "Who needs it"
  local start
  refused "two deletions were not asked about"
  plan
  show kubectl -n "$app" get deployment,configmap -l gitops.volaticloud.com/sync
  start=$(now)
  show gitsync approve "$app" -n "$ns"
  kubectl -n "$app" wait --for=delete deployment "$app" --timeout="${patience}s" >/dev/null || fail "deployment $app/$app: was not pruned"
  figure "approval: pruned" "$(since "$start") ms" "from \`gitsync approve\` to the Deployment's absence"
  kubectl -n "$ns" wait gitsync "$app" --for=condition=Ready --timeout="${patience}s" >/dev/null || fail "gitsync $ns/$app: is not Ready"
  table | indent
  show kubectl -n "$ns" get approvals
}

memory() {
  local pid kib=0 part
  for pid in "$operator_pid" $(cat "/proc/$operator_pid/task/$operator_pid/children"); do
    part=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status" 2>/dev/null || true)
    kib=$((kib + ${part:-0}))
  done
  figure "memory, operator and git worker" "$((kib / 1024)).$((kib % 1024 * 10 / 1024)) MiB" "resident"
}

summary() {
  step "Measured"
  printf '%s\n' "${figures[@]}" | awk -F'|' '
    { what[NR] = $1; value[NR] = $2; how[NR] = $3; if (length($1) > a) a = length($1); if (length($2) > b) b = length($2) }
    END { for (i = 1; i <= NR; ++i) printf "   %-" a "s  %" b "s  %s\n", what[i], value[i], how[i] }'
}

[ -x "$gitsync" ] || fail "$gitsync is not there; run \`make build\` first"
for program in "$GITSYNC_KUBECTL" "$GITSYNC_LOCALCLUSTER"; do
  [ -x "$program" ] || fail "$program is not there; run \`make deps\` first"
done
cd "$GITSYNC_ROOT"
start_cluster
start_operator
first_commit
second_commit
drift
prune
broken
rollback
production
approval
memory
summary
