# One verb per daily act. Each brings its dependencies first; `make deps` does nothing when all is there.
# Variables: KEEP=1 (demo: leave everything running), KUBECONFIG=FILE (demo, bench: use that cluster), LINT=all (lint: every
# file through clang-tidy), ARGS='...' (unit, bench: passed on), GITSYNC_CXX=compiler, CLUSTER_ARGS='--audit-log ...' (cluster).
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: fuzz upgrade help demo test unit cluster cluster-down bench build asan tsan lint fmt image clean deps
in_env := source scripts/env.sh &&

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: build ## the operator's main job on a local cluster, with measured figures (KEEP=1, KUBECONFIG=FILE)
	@$(in_env) scripts/demo.sh

test: deps ## build, unit tests and cluster tests
	@scripts/test.sh dev

unit: deps ## build and unit tests only; ARGS='[tag]' goes to the test binary
	@scripts/build.sh dev unit_tests
	@$(in_env) build/dev/test/unit_tests $(ARGS)

cluster: deps ## start a local Kubernetes cluster in build/cluster and say how to use it
	@$(in_env) "$$GITSYNC_LOCALCLUSTER" up --dir build/cluster $(CLUSTER_ARGS)
	@$(in_env) echo "export KUBECONFIG=$$("$$GITSYNC_LOCALCLUSTER" kubeconfig --dir build/cluster)"; \
	  echo "alias kubectl=$$GITSYNC_KUBECTL"

cluster-down: deps ## end that cluster and delete its data
	@$(in_env) "$$GITSYNC_LOCALCLUSTER" down --dir build/cluster

upgrade: build ## an upgrade and a downgrade between PREVIOUS=commit (built in build/previous) and this checkout
	@$(in_env) scripts/upgrade.sh "$(PREVIOUS)"

bench: build ## measure against a bare client's floor; writes build/bench.json
	@$(in_env) build/dev/bench $(ARGS)

build: deps ## build build/dev/gitsync and the tests
	@scripts/build.sh dev

asan: deps ## all tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@scripts/test.sh asan

tsan: deps ## all tests under ThreadSanitizer
	@scripts/test.sh tsan

fuzz: deps ## every parser of foreign bytes, FUZZ_SECONDS=20 each (FUZZ_TARGETS='yaml live' for some)
	@scripts/fuzz.sh

lint: deps ## formatting, layering, shell scripts, clang-tidy on changed files (LINT=all: on all)
	@scripts/lint.sh

fmt: deps ## format the C++ and Go sources
	@scripts/lint.sh --fix

image: ## build the container image gitsync:dev (docker, podman or buildah; BASE=image for another base)
	@scripts/image.sh

clean: ## end the local cluster and delete build/ (helper programs stay in the cache)
	@if [ -e build/cluster ]; then $(in_env) "$$GITSYNC_LOCALCLUSTER" down --dir build/cluster; fi
	@rm -rf build

deps: ## install what is missing
	@scripts/deps.sh
