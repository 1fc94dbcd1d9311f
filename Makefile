# Bailey. `make help` lists the targets; `make demo` and `make test` set a fresh machine up themselves.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:

SCRATCH ?= .build
PREFIX ?= /usr/local
DESTDIR ?=
SWIFT ?= swift
SWIFT_VERSION := 6.3

scratch := $(abspath $(SCRATCH))
release := $(scratch)/release

# One configuration for everything, so that the tests run what `make build` installs: release, without debug
# information (it multiplies link time), and with every import checked against the manifest. A static-pie takes no
# rpath: glibc's start refuses it (elf/get-dynamic-info.h). Types are not looked up by their names: each lookup of a
# conformance goes through all of a static program's, some 12,000, and a fifth of a launch went by with it.
swift_flags := -c release --scratch-path $(scratch) -Xswiftc -gnone --disable-local-rpath \
    --explicit-target-dependency-import-check error \
    -Xswiftc -Xfrontend -Xswiftc -disable-concrete-type-metadata-mangled-name-accessors

# The binary finds the shipped profiles beside itself (`profiles`) when it is not installed: the build leaves a link
# there, so that a build folder outside the checkout works as well.

# Tests, the example and the benchmarks find the binary here.
export BAILEY ?= $(release)/bailey

.PHONY: help
help: ## List the targets
	@printf 'Bailey: nested agents behind one enforcing gateway.\n\n'
	awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	printf '\nVariables: SCRATCH=%s PREFIX=%s DESTDIR=%s SWIFT=%s\n' \
	    '$(SCRATCH)' '$(PREFIX)' '$(DESTDIR)' '$(SWIFT)'

.PHONY: demo
demo: deps-demo build ## Set up, build and run the example: three nested agents, real servers
	@examples/nested-agents/run

.PHONY: test
test: deps-tests deps-clients build-tests ## Set up, build and pass all tests
	@log=$$(mktemp)
	trap 'rm -f "$$log"' EXIT
	# What has begun is left out: each case repeats its arguments, some of which are whole hostile messages.
	$(SWIFT) test $(swift_flags) --skip-build </dev/null 2>&1 | tools/build-output | sed -u '/^◇/d' | tee "$$log" ||
	    { tools/failures "$$log" >&2; exit 1; }
	tools/skips "$$log"

# The tests that the table of escapes is made of; tools/cases knows whose ids are the corpus's.
escape_tests := (Escape|Ahead|OwnFolder|Launch|Nesting|Lifecycle|Protection|UserNamespace|Seccomp|ProbeProgram|TerminalText|BadInput|Copy)

.PHONY: escape
escape: deps-tests build-tests ## Run every case of the escape corpus four ways; print the table, docs/escapes.md
	@folder=$$(mktemp -d)
	trap 'rm -rf "$$folder"' EXIT
	BAILEY_ESCAPES="$$folder/trials" $(SWIFT) test $(swift_flags) --skip-build --filter '$(escape_tests)' \
	    --event-stream-output-path "$$folder/events" --event-stream-version 0 </dev/null >"$$folder/log" 2>&1 ||
	    { grep -E '^(✘|↳|  )' "$$folder/log" || cat "$$folder/log"; } >&2
	tools/skips "$$folder/log" >&2
	tools/cases escapes "$$folder/events" "$$folder/trials" | tee docs/escapes.md

# Those of the table of egress, likewise.
egress_tests := EndToEnd/(Egress|EgressSocket|Datagram|DNS|Gateway.*|HTTP2|SOCKS|Flood|Fallback|Opening|Stream|Transfer|WebSocket|GRPC|Git|BodyRule|Client|Channel|Credential|PlacedCredential|Reflection|Token|AWS|Leak|Mask|Smuggling|Protection|PolicyCommand|SSH|Children|Postgres[A-Za-z]*|Policy|Delegation|Evidence|Lifecycle|Revocation|RevokedPrincipal|Principal|AgentIdentity|Crowd|Doctor|Launch|Landlock|UserNamespace|Replay|PolicyReplay|Offline|TerminalRecord|BodyRecord|Audit|Keeping|[A-Za-z]*Approv(al|er)[A-Za-z]*)Tests|AccompliceTests|GatewayTests.TunnelTests

.PHONY: egress
egress: deps-tests deps-clients build-tests ## Run every case of the egress corpus end to end; print the table, docs/egress.md
	@folder=$$(mktemp -d)
	trap 'rm -rf "$$folder"' EXIT
	$(SWIFT) test $(swift_flags) --skip-build --filter '$(egress_tests)' \
	    --event-stream-output-path "$$folder/events" --event-stream-version 0 </dev/null >"$$folder/log" 2>&1 ||
	    { grep -E '^(✘|↳|  )' "$$folder/log" || cat "$$folder/log"; } >&2
	tools/skips "$$folder/log" >&2
	tools/cases egress "$$folder/events" | tee docs/egress.md

.PHONY: faults
faults: deps-tests build-tests ## Make every system call of the set-up fail, one at a time
	@BAILEY_FAULTS=all $(SWIFT) test $(swift_flags) --skip-build --filter FaultTests </dev/null 2>&1 | tools/build-output

# Seconds for each reader.
SECONDS ?= 30

.PHONY: fuzz
fuzz: deps-tests build-tests ## Feed damaged input to every reader, SECONDS=30 each; what it finds is left in SCRATCH/fuzz
	@mkdir -p '$(scratch)/fuzz'
	BAILEY_FUZZ='$(scratch)/fuzz' BAILEY_FUZZ_SECONDS='$(SECONDS)' $(SWIFT) test $(swift_flags) --skip-build --no-parallel \
	    --filter '\.FuzzTests/' </dev/null 2>&1 | tools/build-output | grep -v '^◇'

.PHONY: filters
filters: deps-tests build-tests ## Compile the default system call policy anew, after a change of profiles/seccomp
	@BAILEY_FILTER='$(CURDIR)/Sources/Sandbox/Seccomp/default-x86_64.bpf' \
	    $(SWIFT) test $(swift_flags) --skip-build --filter 'filter that is built in' </dev/null 2>&1 | tools/build-output

.PHONY: kills
kills: deps-tests build-tests ## Kill a supervisor at a thousand moments of a launch, and at 200 under load
	@BAILEY_KILLS=1000 $(SWIFT) test $(swift_flags) --skip-build --filter supervisorKilledEarly </dev/null 2>&1 |
	    tools/build-output
	BAILEY_KILLS=200 $(SWIFT) test $(swift_flags) --skip-build --filter KillTests </dev/null 2>&1 | tools/build-output

# The launcher's tests, those of `bailey serve` and the escapes. CrowdTests are left out: hundreds of agents that have to be
# there in a minute are not, twenty times slower. `make test-kernel KERNEL_TESTS=LaunchTests` runs fewer.
KERNEL_TESTS ?= (EndToEnd\.(LaunchTests|NestingTests|LifecycleTests|ProtectionTests|CopyTests|UserNamespaceTests|DoctorTests|ServeTests|AheadTests|LandlockTests|OwnFolderTests|WrittenTests)|SandboxTests|LinuxTests|EscapeTests)

.PHONY: test-kernel
test-kernel: deps-tests deps-kernel build-tests ## The launcher's tests on Debian's 6.1 kernel, emulated; docs/kernels.md
	@folder=$$(mktemp -d)
	trap 'rm -rf "$$folder"' EXIT
	code=0
	tools/kernel/boot '$(scratch)/kernel' "$$folder" tools/kernel/tests '$(scratch)' '$(KERNEL_TESTS)' || code=$$?
	if [ -s "$$folder/log" ]; then
	    tools/build-output <"$$folder/log" | sed '/^◇/d'
	    tools/skips "$$folder/log" >&2
	    tools/kernel/report "$$folder/log" >docs/kernels.md
	fi
	exit $$code

.PHONY: build
build: deps-build toolchain ## Build the release binary at SCRATCH/release/bailey
	@for product in bailey-init bailey-saml bailey-postgres bailey-core bailey; do
	    $(SWIFT) build $(swift_flags) --product $$product </dev/null 2>&1 | tools/build-output
	done
	ln -sfn '$(CURDIR)/profiles' '$(release)/profiles'
	printf 'Built %s\n' '$(release)/bailey'

.PHONY: build-tests
build-tests: deps-build toolchain
	@$(SWIFT) build $(swift_flags) --build-tests </dev/null 2>&1 | tools/build-output
	ln -sfn '$(CURDIR)/profiles' '$(release)/profiles'

.PHONY: bench
bench: bench-launch bench-http ## Both benchmarks, side by side with their peers, as ratios

.PHONY: bench-launch
bench-launch: deps-bench build ## Launch and reap /bin/true: bailey against bwrap
	@tools/bench/launch

.PHONY: bench-crowd
bench-crowd: build ## A thousand agents at once and ten thousand launches: what they cost and leave
	@tools/bench/crowd

.PHONY: bench-trees
bench-trees: build ## What looking through a workspace's folders costs a launch
	@tools/bench/trees

.PHONY: bench-decide
bench-decide: build-tests ## What one decision costs: 1,000 rules at each of eight levels
	@BAILEY_BENCH=decide $(SWIFT) test $(swift_flags) --skip-build --filter DecisionSpeedTests </dev/null 2>&1 |
	    sed -n 's/^bench-decide: //p'

.PHONY: bench-mask
bench-mask: build-tests ## What masking and the search for credentials do in a second, of one core
	@BAILEY_BENCH=1 $(SWIFT) test $(swift_flags) --skip-build --filter 'MaskBench|ReflectionBench' </dev/null 2>&1 |
	    sed -n 's/^BENCH //p'

# Records of the log that is written and verified.
RECORDS ?= 1000000

.PHONY: bench-audit
bench-audit: build-tests ## What writing, verifying and exporting the audit log does in a second, of one core; RECORDS=1000000
	@BAILEY_BENCH=1 BAILEY_BENCH_RECORDS='$(RECORDS)' $(SWIFT) test $(swift_flags) --skip-build --filter AuditBench </dev/null 2>&1 |
	    sed -n 's/^BENCH //p'

.PHONY: bench-http
bench-http: deps-bench build ## HTTP over TLS: the gateway against haproxy, squid and mitmproxy
	@MITMPROXY='$(scratch)/bench-python' tools/bench/http

.PHONY: bench-postgres
bench-postgres: deps-bench build ## PostgreSQL: the gateway against pgbouncer
	@tools/bench/postgres

.PHONY: bench-revoke
bench-revoke: deps-tests deps-bench build ## A revocation until the last of 500 connections of 50 agents is reset
	@tools/bench/revoke

.PHONY: bench-approval
bench-approval: deps-tests build ## A request that a rule asks about, answered at once
	@tools/bench/approval

.PHONY: conformance-postgres
conformance-postgres: deps-conformance build ## PostgreSQL's own regression suite, straight and through the gateway; docs/postgres.md
	@tools/conformance/source '$(scratch)/postgresql'
	tools/conformance/postgres '$(scratch)/postgresql'

.PHONY: lint
lint: toolchain ## Check the style of every source file
	@$(SWIFT) format lint --strict --parallel --recursive --configuration .swift-format \
	    Package.swift Sources Tests
	tools/lint

.PHONY: install
install: build ## Install under DESTDIR/PREFIX
	@root='$(DESTDIR)$(PREFIX)'
	install -D -m 755 '$(release)/bailey' "$$root/bin/bailey"
	install -D -m 755 '$(release)/bailey-core' "$$root/libexec/bailey/bailey-core"
	install -D -m 755 '$(release)/bailey-init' "$$root/libexec/bailey/bailey-init"
	install -D -m 755 '$(release)/bailey-saml' "$$root/libexec/bailey/bailey-saml"
	install -D -m 755 '$(release)/bailey-postgres' "$$root/libexec/bailey/bailey-postgres"
	while IFS= read -r -d '' file; do
	    install -D -m 644 "profiles/$$file" "$$root/share/bailey/profiles/$$file"
	done < <(cd profiles && find . -type f -printf '%P\0')
	for page in docs/*.md; do install -D -m 644 "$$page" "$$root/share/bailey/$$page"; done
	install -D -m 755 examples/receipts/verify.py "$$root/share/bailey/examples/receipts/verify.py"
	install -D -m 644 examples/receipts/receipts.py "$$root/share/bailey/examples/receipts/receipts.py"
	install -D -m 644 docs/bailey.1 "$$root/share/man/man1/bailey.1"
	install -D -m 644 docs/bailey.bash "$$root/share/bash-completion/completions/bailey"
	for unit in system/bailey.service user/bailey.service; do
	    mkdir -p "$$root/lib/systemd/$${unit%/*}"
	    sed 's|@PREFIX@|$(PREFIX)|' "systemd/$${unit#system/}" >"$$root/lib/systemd/$$unit"
	done
	mkdir -p "$$root/share/bailey/apparmor"
	sed 's|@PREFIX@|$(PREFIX)|' packaging/apparmor/bailey >"$$root/share/bailey/apparmor/bailey"
	# Where AppArmor is; loading it is for root, and for the next start of the machine.
	if [ -d '$(DESTDIR)/etc/apparmor.d' ] && [ -w '$(DESTDIR)/etc/apparmor.d' ]; then
	    install -m 644 "$$root/share/bailey/apparmor/bailey" '$(DESTDIR)/etc/apparmor.d/bailey'
	fi
	printf 'Installed under %s\n' "$$root"

.PHONY: uninstall
uninstall: ## Remove what `make install` installed
	@root='$(DESTDIR)$(PREFIX)'
	rm -f "$$root/bin/bailey" "$$root/share/man/man1/bailey.1" "$$root/share/bash-completion/completions/bailey"
	rm -f "$$root/lib/systemd/system/bailey.service" "$$root/lib/systemd/user/bailey.service"
	rm -rf "$$root/libexec/bailey" "$$root/share/bailey"
	rm -f '$(DESTDIR)/etc/apparmor.d/bailey'

.PHONY: clean
clean: ## Remove what was built
	@rm -rf '$(scratch)'

.PHONY: deps
deps: deps-build deps-demo deps-tests deps-clients deps-kernel deps-bench deps-conformance ## Install every Debian package that a target needs

.PHONY: deps-build deps-demo deps-tests deps-clients deps-kernel deps-bench deps-conformance
deps-build deps-demo deps-tests deps-clients deps-kernel deps-bench deps-conformance: deps-%:
	@tools/packages $*
	if [ $* = tests ]; then tools/pypi '$(scratch)/python' Tests/requirements.txt; fi
	if [ $* = bench ]; then tools/pypi '$(scratch)/bench-python' tools/bench/requirements.txt; fi

.PHONY: toolchain
toolchain:
	@if ! command -v $(SWIFT) >/dev/null; then
	    printf 'Swift is not on PATH. Bailey is built with Swift %s: install it from swift.org/install, or pass SWIFT=PATH.\n' \
	        '$(SWIFT_VERSION)' >&2
	    exit 1
	fi
	found=$$($(SWIFT) --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
	oldest=$$(printf '%s\n%s\n' '$(SWIFT_VERSION)' "$$found" | sort -V | head -n 1)
	if [ -z "$$found" ] || [ "$$oldest" != '$(SWIFT_VERSION)' ]; then
	    printf 'Bailey is built with Swift %s or later; `%s --version` says %s.\n' \
	        '$(SWIFT_VERSION)' '$(SWIFT)' "$${found:-nothing readable}" >&2
	    exit 1
	fi
